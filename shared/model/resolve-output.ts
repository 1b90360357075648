/** The model's output: which one, how many classes, and whether they are probabilities. Pure. */
import { describeValue, describeValues, modelError, modelMismatch } from './model-errors.ts';
import type { ModelOutput, OutputKind } from './model-spec.ts';
import type { OnnxMetadata, OnnxValue } from './onnx-metadata.ts';

export interface OutputWishes {
  readonly name?: string | undefined;
  readonly kind?: OutputKind | undefined;
}

const TYPES: readonly string[] = ['f32', 'f16', 'f64'];

/** Rejects with MODEL_MISMATCH. A softmax at the end of the graph means probabilities. */
export function resolveOutput(
  metadata: OnnxMetadata,
  wishes: OutputWishes,
  uri: string,
): ModelOutput {
  const value = chooseOutput(metadata.outputs, wishes, uri);
  if (!TYPES.includes(value.type)) {
    throw modelMismatch(
      uri,
      `its output ${describeValue(value)} is ${value.type}; scores are ${TYPES.join(', ')}`,
    );
  }
  const classes = classCount(value);
  if (classes === undefined) {
    throw modelMismatch(
      uri,
      `its output ${describeValue(value)} is not one score per class`,
      'Sluice classifies whole images; a detector or a segmenter needs another operator.',
    );
  }
  const softmax = metadata.softmaxOutputs.includes(value.name);
  const kind = wishes.kind ?? (softmax ? 'probabilities' : 'logits');
  return { name: value.name, kind, classes };
}

/** Rejects with LABELS_MISMATCH. */
export function checkLabels(labels: readonly string[], classes: number | null, uri: string): void {
  if (classes === null || labels.length === classes) return;
  throw modelError(
    'LABELS_MISMATCH',
    uri,
    `${uri} has ${classes} classes, but there are ${labels.length} labels.`,
    { hint: labelsHint(labels, classes) },
  );
}

function labelsHint(labels: readonly string[], classes: number): string {
  if (classes === labels.length + 1) {
    return 'One class more than labels: often class 0 is the background. Put a line `background` in front of the labels.';
  }
  if (classes === labels.length - 1) {
    const [first = ''] = labels;
    return `One label more than classes: remove the one that is no class (the first is "${first}").`;
  }
  return `Give ${classes} labels, one a line, in the order of the classes.`;
}

function chooseOutput(outputs: readonly OnnxValue[], wishes: OutputWishes, uri: string): OnnxValue {
  if (wishes.name !== undefined) {
    const named = outputs.find((output) => output.name === wishes.name);
    if (named !== undefined) return named;
    throw modelMismatch(
      uri,
      `it has no output "${wishes.name}"; its outputs: ${describeValues(outputs)}`,
    );
  }
  const [only, ...others] = outputs;
  if (only === undefined) throw modelMismatch(uri, 'it has no output');
  if (others.length === 0) return only;
  const possible = outputs.filter((output) => TYPES.includes(output.type) && classCount(output));
  const [candidate, ...rivals] = possible;
  if (candidate !== undefined && rivals.length === 0) return candidate;
  throw modelMismatch(
    uri,
    `it has ${outputs.length} outputs: ${describeValues(outputs)}`,
    'Say which one holds the scores: `output: { name: … }`.',
  );
}

/** Null: the file does not say. Undefined: not one number per class. */
function classCount(value: OnnxValue): number | null | undefined {
  if (value.dims === null || value.dims.length === 0) return null;
  const [, ...behind] = value.dims.length === 1 ? [1, ...value.dims] : value.dims;
  const real = behind.filter((dim) => dim !== 1);
  if (real.length > 1) return undefined;
  const [classes = 1] = real;
  return typeof classes === 'number' ? classes : null;
}
