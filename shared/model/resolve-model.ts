/**
 * From `transform: onnx` to a complete ModelSpec, when the job is submitted: the pipeline's options,
 * over the model.yaml, over what the file itself says, over documented guesses. Whatever does not
 * fit together is refused here, before any task starts.
 */
import { createHash } from 'node:crypto';
import type { FileSystemRegistry } from '../filesystem/filesystem-registry.ts';
import type { OnnxOptions } from '../pipeline/kinds/transform-onnx.ts';
import { modelError } from './model-errors.ts';
import { fileStem, isMissing, readLabels, readModelFile, resolveBeside } from './model-location.ts';
import type { ModelSpec } from './model-spec.ts';
import { loadModelYaml, type ModelYaml } from './model-yaml.ts';
import { type OnnxMetadata, readOnnxMetadata } from './onnx-metadata.ts';
import { resolveInput } from './resolve-input.ts';
import { checkLabels, type OutputWishes, resolveOutput } from './resolve-output.ts';
import { resolvePreprocessing } from './resolve-preprocessing.ts';

/** The part of the onnx node's options that describes the model; locations are absolute URIs. */
export type ModelOptions = Pick<
  OnnxOptions,
  'model' | 'sha256' | 'name' | 'version' | 'input' | 'preprocessing' | 'output' | 'labels'
>;

export interface ResolvedModel {
  readonly model: ModelSpec;
  /** What was guessed; shown to the user. */
  readonly warnings: readonly string[];
}

/**
 * Rejects with MODEL_NOT_FOUND, MODEL_INVALID, MODEL_CHECKSUM, MODEL_MISMATCH, LABELS_MISMATCH,
 * FILE_NOT_FOUND (labels), or with what the storage says.
 */
export async function resolveModel(request: {
  readonly onnx: ModelOptions;
  readonly fileSystems: FileSystemRegistry;
}): Promise<ResolvedModel> {
  const { onnx, fileSystems } = request;
  const { uri, yaml, yamlUri } = await locateModel(onnx.model, fileSystems);
  const bytes = await readModelFile(uri, fileSystems);
  const sha256 = checkedSha256(bytes, [onnx.sha256, yaml.sha256], uri);
  const metadata = checkedMetadata(bytes, uri);
  const preprocessingSaid = { ...yaml.preprocessing, ...withoutUndefined(onnx.preprocessing) };
  const wishes = { ...yaml.input, ...withoutUndefined(onnx.input), color: preprocessingSaid.color };
  const input = resolveInput(metadata, wishes, uri);
  const { preprocessing, warnings } = resolvePreprocessing(input, preprocessingSaid, uri);
  const outputWishes = { ...outputOf(yaml.output), ...withoutUndefined(outputOf(onnx.output)) };
  const output = resolveOutput(metadata, outputWishes, uri);
  const labels = await resolveLabels(onnx.labels, yaml.labels, yamlUri, fileSystems);
  if (labels !== null) checkLabels(labels, output.classes, uri);
  const model: ModelSpec = {
    name: onnx.name ?? yaml.name ?? fileStem(uri),
    version: onnx.version ?? yaml.version ?? '1',
    uri,
    sha256,
    input: { ...input, height: preprocessing.cropHeight, width: preprocessing.cropWidth },
    preprocessing,
    output,
    labels,
  };
  return { model, warnings };
}

export interface LocatedModel {
  /** The .onnx file. */
  readonly uri: string;
  readonly yaml: Partial<ModelYaml>;
  /** What the paths in `yaml` are relative to. */
  readonly yamlUri: string;
}

/** `location` is a model.yaml, or an .onnx file with or without one beside it. */
export async function locateModel(
  location: string,
  fileSystems: FileSystemRegistry,
): Promise<LocatedModel> {
  if (/\.ya?ml$/i.test(location)) {
    const yaml = await loadGivenYaml(location, fileSystems);
    return { uri: resolveBeside(location, yaml.file), yaml, yamlUri: location };
  }
  for (const name of [`${fileStem(location)}.yaml`, 'model.yaml']) {
    const yamlUri = resolveBeside(location, name);
    const yaml = await loadYamlBeside(yamlUri, fileSystems);
    // A folder may hold several models: a model.yaml speaks for the file that it names only.
    if (yaml !== null && resolveBeside(yamlUri, yaml.file) === location) {
      return { uri: location, yaml, yamlUri };
    }
  }
  return { uri: location, yaml: {}, yamlUri: location };
}

async function loadGivenYaml(uri: string, fileSystems: FileSystemRegistry): Promise<ModelYaml> {
  try {
    return await loadModelYaml(uri, fileSystems);
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw modelError('MODEL_NOT_FOUND', uri, `There is no model description at ${uri}.`, {
      cause: error,
    });
  }
}

async function loadYamlBeside(
  uri: string,
  fileSystems: FileSystemRegistry,
): Promise<ModelYaml | null> {
  try {
    return await loadModelYaml(uri, fileSystems);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

function checkedSha256(
  bytes: Uint8Array,
  expected: readonly (string | undefined)[],
  uri: string,
): string {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  for (const wanted of expected) {
    if (wanted === undefined || wanted === sha256) continue;
    throw modelError(
      'MODEL_CHECKSUM',
      uri,
      `${uri} is not the expected file: its SHA-256 is ${sha256}, not ${wanted}.`,
      { hint: 'Fetch the file again, or correct `sha256` if the new file is meant.' },
    );
  }
  return sha256;
}

export function checkedMetadata(bytes: Uint8Array, uri: string): OnnxMetadata {
  const metadata = readOnnxMetadata(bytes, uri);
  if (!metadata.hasExternalData) return metadata;
  throw modelError('MODEL_INVALID', uri, `${uri} keeps its weights in other files.`, {
    hint: 'Save it as one file: onnx.save(model, path, save_as_external_data=False).',
  });
}

async function resolveLabels(
  given: ModelOptions['labels'],
  inYaml: ModelYaml['labels'],
  yamlUri: string,
  fileSystems: FileSystemRegistry,
): Promise<readonly string[] | null> {
  const labels = given ?? inYaml;
  if (labels === undefined) return null;
  if (typeof labels !== 'string') return labels;
  const uri = given === undefined ? resolveBeside(yamlUri, labels) : labels;
  return readLabels(uri, fileSystems);
}

function outputOf(output: ModelOptions['output']): OutputWishes {
  return typeof output === 'string' ? { kind: output } : (output ?? {});
}

/** So that an option that is present but undefined does not hide the one below. */
function withoutUndefined<T extends object>(options: T | undefined): Partial<T> {
  const entries = Object.entries(options ?? {}).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Partial<T>;
}
