/**
 * Writes small ONNX files, so that tests need no model from outside. The protobuf encoding is done
 * by hand, apart from the reader under test.
 */
export type Dim = number | string;

export interface ValueDescription {
  readonly name: string;
  readonly type?: keyof typeof ELEMENT_TYPES;
  /** Null: no shape at all. */
  readonly dims: readonly Dim[] | null;
}

export interface NodeDescription {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, number | readonly number[]>>;
}

export interface WeightDescription {
  readonly name: string;
  readonly type: keyof typeof ELEMENT_TYPES;
  readonly dims: readonly number[];
  readonly data: Uint8Array;
  readonly external?: boolean;
}

export interface OnnxDescription {
  readonly inputs: readonly ValueDescription[];
  readonly outputs: readonly ValueDescription[];
  readonly nodes?: readonly NodeDescription[];
  readonly weights?: readonly WeightDescription[];
}

const ELEMENT_TYPES = { f32: 1, u8: 2, i32: 6, i64: 7, string: 8, f16: 10, f64: 11 } as const;

export function onnxFile(description: OnnxDescription): Uint8Array {
  const graph = concat([
    ...(description.nodes ?? []).map((node) => bytes(1, encodeNode(node))),
    text(2, 'test'),
    ...(description.weights ?? []).map((weight) => bytes(5, encodeWeight(weight))),
    ...description.inputs.map((value) => bytes(11, encodeValue(value))),
    ...description.outputs.map((value) => bytes(12, encodeValue(value))),
  ]);
  const opset = concat([text(1, ''), number(2, 13)]);
  return concat([number(1, 8), text(2, 'sluice-test'), bytes(7, graph), bytes(8, opset)]);
}

/** How {@link pixelModel} answers: class = the image's mean pixel value. */
export const PIXEL_MODEL = {
  classes: 10,
  /** An image of this value gives NaN. */
  nanValue: 9,
} as const;

/**
 * A classifier whose answer is known: an image filled with the value p (0 to 8) is class p with a
 * logit of 10 against 0; 9 gives NaN; 10 and more makes the whole run fail.
 */
export function pixelModel(
  options: { batch?: Dim; side?: number; type?: 'f32' | 'f16' | 'u8' } = {},
): Uint8Array {
  const { batch = 'batch', side = 4, type = 'f32' } = options;
  const { classes, nanValue } = PIXEL_MODEL;
  const table = new Float32Array(classes * classes);
  for (let index = 0; index < classes; index += 1) table[index * classes + index] = 10;
  table.fill(Number.NaN, nanValue * classes, (nanValue + 1) * classes);
  return onnxFile({
    inputs: [{ name: 'image', type, dims: [batch, 3, side, side] }],
    outputs: [{ name: 'scores', dims: [batch, classes] }],
    weights: [
      {
        name: 'table',
        type: 'f32',
        dims: [classes, classes],
        data: new Uint8Array(table.buffer),
      },
    ],
    nodes: [
      { operator: 'Cast', inputs: ['image'], outputs: ['float'], attributes: { to: 1 } },
      {
        operator: 'ReduceMean',
        inputs: ['float'],
        outputs: ['mean'],
        attributes: { axes: [1, 2, 3], keepdims: 0 },
      },
      { operator: 'Cast', inputs: ['mean'], outputs: ['index'], attributes: { to: 7 } },
      {
        operator: 'Gather',
        inputs: ['table', 'index'],
        outputs: ['scores'],
        attributes: { axis: 0 },
      },
    ],
  });
}

function encodeNode(node: NodeDescription): Uint8Array {
  return concat([
    ...node.inputs.map((name) => text(1, name)),
    ...node.outputs.map((name) => text(2, name)),
    text(4, node.operator),
    ...Object.entries(node.attributes ?? {}).map(([name, value]) => {
      if (typeof value === 'number') {
        return bytes(5, concat([text(1, name), number(3, value), number(20, 2)]));
      }
      const list = value.map((entry) => number(8, entry));
      return bytes(5, concat([text(1, name), ...list, number(20, 7)]));
    }),
  ]);
}

function encodeWeight(weight: WeightDescription): Uint8Array {
  return concat([
    ...weight.dims.map((dim) => number(1, dim)),
    number(2, ELEMENT_TYPES[weight.type]),
    text(8, weight.name),
    bytes(9, weight.data),
    ...(weight.external === true ? [number(14, 1)] : []),
  ]);
}

function encodeValue({ name, type = 'f32', dims }: ValueDescription): Uint8Array {
  const shape = dims?.map((dim) =>
    bytes(1, typeof dim === 'number' ? number(1, dim) : text(2, dim)),
  );
  const tensor = concat([
    number(1, ELEMENT_TYPES[type]),
    ...(shape === undefined ? [] : [bytes(2, concat(shape))]),
  ]);
  return concat([text(1, name), bytes(2, bytes(1, tensor))]);
}

function number(field: number, value: number): Uint8Array {
  return concat([varint(field * 8), varint(value)]);
}

function text(field: number, value: string): Uint8Array {
  return bytes(field, new TextEncoder().encode(value));
}

function bytes(field: number, content: Uint8Array): Uint8Array {
  return concat([varint(field * 8 + 2), varint(content.length), content]);
}

function varint(value: number): Uint8Array {
  const encoded: number[] = [];
  let rest = value;
  while (rest >= 128) {
    encoded.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  return Uint8Array.from([...encoded, rest]);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
