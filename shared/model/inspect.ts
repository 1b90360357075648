/** `sluice models inspect`: what a model file says about itself, and what would be guessed for it. */
import { createHash } from 'node:crypto';
import { type SerializedError, serializeError } from '../errors/sluice-error.ts';
import type { FileSystemRegistry } from '../filesystem/filesystem-registry.ts';
import { describeDims } from './model-errors.ts';
import { readModelFile } from './model-location.ts';
import type { ModelSpec } from './model-spec.ts';
import { modelYamlTemplate } from './model-template.ts';
import { type OnnxValue, readOnnxMetadata } from './onnx-metadata.ts';
import { locateModel, resolveModel } from './resolve-model.ts';

export interface ModelInspection {
  readonly uri: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly producer: string;
  readonly opset: number;
  readonly inputs: readonly InspectedValue[];
  readonly outputs: readonly InspectedValue[];
  /** As a pipeline without further options would use it; null where it cannot. */
  readonly model: ModelSpec | null;
  /** Why `model` is null. */
  readonly problem: SerializedError | null;
  /** What was guessed. */
  readonly warnings: readonly string[];
  /** A model.yaml to start from; null where `model` is. */
  readonly template: string | null;
}

export interface InspectedValue {
  readonly name: string;
  readonly type: string;
  /** `[batch, 3, 224, 224]` */
  readonly shape: string;
}

/** `location` names an .onnx file or a model.yaml. Rejects with MODEL_NOT_FOUND or MODEL_INVALID. */
export async function inspectModel(
  location: string,
  fileSystems: FileSystemRegistry,
): Promise<ModelInspection> {
  const { uri } = await locateModel(location, fileSystems);
  const bytes = await readModelFile(uri, fileSystems);
  const metadata = readOnnxMetadata(bytes, uri);
  const facts = {
    uri,
    bytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    producer: metadata.producer,
    opset: metadata.opset,
    inputs: metadata.inputs.map(inspected),
    outputs: metadata.outputs.map(inspected),
  };
  try {
    const { model, warnings } = await resolveModel({ onnx: { model: location }, fileSystems });
    const labels = model.labels === null ? null : { file: 'labels.txt' };
    const template = modelYamlTemplate(model, { labels, comments: warnings });
    return { ...facts, model, problem: null, warnings, template };
  } catch (error) {
    const problem = serializeError(error);
    return { ...facts, model: null, problem, warnings: [], template: null };
  }
}

function inspected(value: OnnxValue): InspectedValue {
  return { name: value.name, type: value.type, shape: describeDims(value) };
}
