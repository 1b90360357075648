/** The model's input: which one, and how its axes are read. Pure. */
import type { TensorElementType, TensorLayout } from '../record/image-tensor.ts';
import { describeDims, describeValue, describeValues, modelMismatch } from './model-errors.ts';
import type { OnnxDim, OnnxMetadata, OnnxValue } from './onnx-metadata.ts';

/** What the pipeline and the model.yaml say, already merged. */
export interface InputWishes {
  readonly name?: string | undefined;
  readonly layout?: TensorLayout | undefined;
  readonly type?: TensorElementType | undefined;
  readonly color?: 'RGB' | 'BGR' | 'GREY' | undefined;
}

export interface ResolvedInput {
  readonly name: string;
  readonly layout: TensorLayout;
  readonly type: TensorElementType;
  readonly batchFixed: number | null;
  readonly channels: 1 | 3;
  /** Null where the file leaves it free. */
  readonly height: number | null;
  readonly width: number | null;
}

const TYPES: readonly string[] = ['f32', 'f16', 'u8'] satisfies TensorElementType[];
const SIDE_MAX = 8192;

/** Rejects with MODEL_MISMATCH. */
export function resolveInput(
  metadata: OnnxMetadata,
  wishes: InputWishes,
  uri: string,
): ResolvedInput {
  const value = chooseInput(metadata.inputs, wishes, uri);
  const type = elementType(value, wishes, uri);
  const dims = value.dims ?? [null, null, null, null];
  if (dims.length !== 4) {
    throw modelMismatch(
      uri,
      `its input ${describeValue(value)} has ${dims.length} axes, an image has 4`,
    );
  }
  const layout = axesLayout(value, dims, wishes, uri);
  const [batch, height, width, depth] = inOrder(dims, layout);
  const channels = typeof depth === 'number' ? depth : wishes.color === 'GREY' ? 1 : 3;
  if (channels !== 1 && channels !== 3) {
    throw modelMismatch(
      uri,
      `its input ${describeValue(value)} read as ${layout} has ${channels} channels, an image has 1 or 3`,
      'Say `input: { layout: NCHW }` or `NHWC` if it is the other order.',
    );
  }
  const sides = [height, width].map((side) => (typeof side === 'number' ? side : null));
  if (sides.some((side) => side !== null && side > SIDE_MAX)) {
    throw modelMismatch(uri, `its input ${describeValue(value)} is larger than any image`);
  }
  return {
    name: value.name,
    layout,
    type,
    batchFixed: typeof batch === 'number' ? batch : null,
    channels,
    height: sides[0] ?? null,
    width: sides[1] ?? null,
  };
}

function chooseInput(inputs: readonly OnnxValue[], wishes: InputWishes, uri: string): OnnxValue {
  const [only, ...others] = inputs;
  if (wishes.name !== undefined && !inputs.some((input) => input.name === wishes.name)) {
    throw modelMismatch(
      uri,
      `it has no input "${wishes.name}"; its inputs: ${describeValues(inputs)}`,
    );
  }
  if (only === undefined) throw modelMismatch(uri, 'it has no input');
  if (others.length > 0) {
    throw modelMismatch(
      uri,
      `it wants ${inputs.length} inputs (${describeValues(inputs)}); Sluice gives one image`,
      'Export the model with the other inputs as constants.',
    );
  }
  return only;
}

function elementType(value: OnnxValue, wishes: InputWishes, uri: string): TensorElementType {
  if (!TYPES.includes(value.type)) {
    throw modelMismatch(
      uri,
      `its input ${describeValue(value)} is ${value.type}; an image is given as ${TYPES.join(', ')}`,
    );
  }
  if (wishes.type !== undefined && wishes.type !== value.type) {
    throw modelMismatch(uri, `its input "${value.name}" is ${value.type}, not ${wishes.type}`);
  }
  return value.type as TensorElementType;
}

function axesLayout(
  value: OnnxValue,
  dims: readonly OnnxDim[],
  wishes: InputWishes,
  uri: string,
): TensorLayout {
  const couldBe = (axis: number) => {
    const dim = dims[axis];
    return typeof dim !== 'number' || dim === 1 || dim === 3;
  };
  const isDepth = (axis: number) => typeof dims[axis] === 'number' && couldBe(axis);
  if (wishes.layout !== undefined) {
    if (couldBe(wishes.layout === 'NCHW' ? 1 : 3)) return wishes.layout;
    throw modelMismatch(
      uri,
      `its input "${value.name}" ${describeDims(value)} cannot be ${wishes.layout}`,
      `Say \`input: { layout: ${wishes.layout === 'NCHW' ? 'NHWC' : 'NCHW'} }\`.`,
    );
  }
  if (isDepth(1)) return 'NCHW';
  if (isDepth(3)) return 'NHWC';
  if (couldBe(1)) return 'NCHW';
  if (couldBe(3)) return 'NHWC';
  throw modelMismatch(
    uri,
    `its input ${describeValue(value)} is no image: neither axis 1 nor axis 3 is 1 or 3 channels`,
  );
}

/** Batch, height, width, channels. */
function inOrder(dims: readonly OnnxDim[], layout: TensorLayout): readonly OnnxDim[] {
  const [batch = null, first = null, second = null, third = null] = dims;
  return layout === 'NCHW' ? [batch, second, third, first] : [batch, first, second, third];
}
