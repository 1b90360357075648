import { SluiceError } from '../errors/sluice-error.ts';
import type { ModelSpec, Preprocessing } from '../model/model-spec.ts';
import type { OnnxOptions } from '../pipeline/kinds/transform-onnx.ts';
import type { ValuePath } from '../pipeline/located-value.ts';
import type { ParsedPipeline } from '../pipeline/parse-pipeline.ts';
import type { PipelineSource } from '../pipeline/pipeline-source.ts';
import type { NodeSpec } from '../pipeline/pipeline-spec.ts';
import {
  conflictsWithModel,
  differingOption,
  overlayPreprocessing,
  standalonePreprocessing,
  withExplicitPreprocessing,
} from './complete-preprocessing.ts';

/**
 * Every model of the pipeline, resolved, and what each image-tensor node does for the models that it
 * feeds. The only asynchronous part of compiling: reading models happens behind `resolveModel`.
 */
export type ResolveModel = (options: OnnxOptions) => Promise<ResolvedModel>;

export interface ResolvedModel {
  readonly model: ModelSpec;
  /** What was guessed. */
  readonly warnings: readonly string[];
}

export interface ResolvedModels {
  /** By onnx node. */
  readonly models: ReadonlyMap<string, ModelSpec>;
  /** By image-tensor node. */
  readonly preprocessing: ReadonlyMap<string, Preprocessing>;
}

type OnnxNode = Extract<NodeSpec, { kind: 'onnx' }>;
type TensorNode = Extract<NodeSpec, { kind: 'image-tensor' }>;

export interface ModelScope {
  readonly source: PipelineSource;
  /** With locations resolved, in topological order. */
  readonly nodes: readonly NodeSpec[];
  readonly inputs: ParsedPipeline['inputs'];
  readonly resolveModel: ResolveModel;
  readonly problems: SluiceError[];
  readonly warnings: SluiceError[];
}

export async function resolveModels(scope: ModelScope): Promise<ResolvedModels> {
  const tensors = scope.nodes.filter((node): node is TensorNode => node.kind === 'image-tensor');
  const classifiers = scope.nodes.filter((node): node is OnnxNode => node.kind === 'onnx');
  const models = new Map<string, ModelSpec>();
  const preprocessing = new Map<string, Preprocessing>();
  for (const node of classifiers) {
    const tensor = tensors.find(({ name }) => name === tensorOf(scope, node));
    const model = await resolveOne(scope, node, tensor ?? null);
    if (model !== null) models.set(node.name, model);
  }
  for (const tensor of tensors) {
    const fed = classifiers.filter((node) => tensorOf(scope, node) === tensor.name);
    const complete = completeTensor(scope, tensor, fed, models);
    if (complete !== null) preprocessing.set(tensor.name, complete);
  }
  return { models, preprocessing };
}

function tensorOf(scope: ModelScope, node: OnnxNode): string | null {
  return scope.inputs.get(node.name)?.tensorFrom ?? null;
}

async function resolveOne(
  scope: ModelScope,
  node: OnnxNode,
  tensor: TensorNode | null,
): Promise<ModelSpec | null> {
  if (tensor !== null) reportDisagreement(scope, node, tensor);
  const options =
    tensor === null ? node.options : withExplicitPreprocessing(node.options, tensor.options);
  try {
    const { model, warnings } = await scope.resolveModel(options);
    for (const message of warnings) {
      const details = {
        code: 'MODEL_INVALID',
        message,
        node: node.name,
        severity: 'warning',
      } as const;
      scope.warnings.push(scope.source.problemAt({ path: ['nodes', node.name, 'model'] }, details));
    }
    return model;
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    const path = placeOf(error, node, tensor);
    const { code, message, hint } = error;
    const details = { code, message, hint, node: node.name, cause: error };
    scope.problems.push(scope.source.problemAt({ path }, details));
    return null;
  }
}

/** What the image-tensor node may say for the model that it feeds. */
const SHARED_OPTIONS = [
  'resize',
  'crop',
  'color',
  'scale',
  'mean',
  'std',
  'layout',
  'type',
] as const;

/** Said twice, differently: neither may win in silence. */
function reportDisagreement(scope: ModelScope, node: OnnxNode, tensor: TensorNode): void {
  const said: Readonly<Record<string, unknown>> = {
    ...node.options.preprocessing,
    ...node.options.input,
  };
  for (const option of SHARED_OPTIONS) {
    const here = tensor.options[option];
    const there = said[option];
    if (here === undefined || there === undefined) continue;
    if (JSON.stringify(here) === JSON.stringify(there)) continue;
    const message =
      `"${option}" is ${JSON.stringify(here)} here and ` +
      `${JSON.stringify(there)} in "${node.name}", which it feeds`;
    const details = { code: 'PIPELINE_INVALID', message, node: tensor.name } as const;
    const path = ['nodes', tensor.name, option];
    scope.problems.push(scope.source.problemAt({ path }, details));
  }
}

/** Points at the option that the error is about, where it can be told. */
function placeOf(error: SluiceError, node: OnnxNode, tensor: TensorNode | null): ValuePath {
  const own = ['nodes', node.name];
  const isAboutLabels = error.code === 'LABELS_MISMATCH' || error.code === 'FILE_NOT_FOUND';
  if (isAboutLabels && node.options.labels !== undefined) return [...own, 'labels'];
  if (error.code === 'MODEL_CHECKSUM' && node.options.sha256 !== undefined) {
    return [...own, 'sha256'];
  }
  if (error.code === 'MODEL_MISMATCH' && tensor !== null) {
    // What the image-tensor node says reaches the model as if the onnx node had said it.
    const named = SHARED_OPTIONS.find((option) => isNamed(error.message, option, tensor));
    if (named !== undefined) return ['nodes', tensor.name, named];
  }
  return [...own, 'model'];
}

function isNamed(
  message: string,
  option: (typeof SHARED_OPTIONS)[number],
  tensor: TensorNode,
): boolean {
  const value = tensor.options[option];
  if (value === undefined) return false;
  return message.includes(`\`${option}`) || message.includes(`cannot be ${value}`);
}

function completeTensor(
  scope: ModelScope,
  tensor: TensorNode,
  fed: readonly OnnxNode[],
  models: ReadonlyMap<string, ModelSpec>,
): Preprocessing | null {
  const report = (option: string, code: 'MODEL_MISMATCH' | 'PIPELINE_INVALID', message: string) => {
    const details = { code, message, node: tensor.name };
    const place = { path: ['nodes', tensor.name, option], on: 'value' } as const;
    scope.problems.push(scope.source.problemAt(place, details));
  };
  if (fed.length === 0) {
    const alone = standalonePreprocessing(tensor.options);
    if (alone === null) {
      const message = `"${tensor.name}" feeds no model that would tell the size: "crop" is missing`;
      report('crop', 'PIPELINE_INVALID', message);
    }
    return alone;
  }
  let complete: Preprocessing | null = null;
  for (const node of fed) {
    const model = models.get(node.name);
    if (model === undefined) continue;
    const conflicts = conflictsWithModel(tensor.options, model);
    for (const { option, message } of conflicts) report(option, 'MODEL_MISMATCH', message);
    const wanted = overlayPreprocessing(tensor.options, model.preprocessing);
    const differing = complete === null ? null : differingOption(complete, wanted);
    if (differing !== null && conflicts.length === 0) {
      const names = fed.map(({ name }) => `"${name}"`).join(' and ');
      const message = `${names} need different "${differing}": give each its own image-tensor node`;
      report(differing, 'MODEL_MISMATCH', message);
    }
    complete ??= wanted;
  }
  return complete;
}
