/**
 * Reads the buffers that `record-batch-encoder.ts` and `encodeEvent` write. Whatever the bytes are,
 * the outcome is records, an event, or `PROTOCOL_VIOLATION`. One thread.
 */
import type {
  ColorOrder,
  ImageTensor,
  PixelNormalization,
  TensorElementType,
  TensorLayout,
} from '../record/image-tensor.ts';
import type { StreamEvent } from '../record/stream-event.ts';
import { type ObjectReference, type RecordValue, StreamRecord } from '../record/stream-record.ts';
import { parseEvent } from './event-codec.ts';
import { ValueReader, violation } from './value-reader.ts';
import { PAYLOAD_KIND, RECORD_FLAG, TENSOR_DESCRIPTIONS_MAX } from './wire-format.ts';

export type Payload =
  | { readonly kind: 'records'; readonly records: readonly StreamRecord[] }
  | { readonly kind: 'event'; readonly event: StreamEvent };

type TensorDescription = Omit<ImageTensor, 'data' | 'shared'>;

export class RecordBatchDecoder {
  readonly #reader = new ValueReader();
  #tensors: TensorDescription[] = [];

  /** Decodes `bytes[start, end)`; throws a SluiceError (`PROTOCOL_VIOLATION`) where it is garbage. */
  decode(bytes: Uint8Array, start: number, end: number): Payload {
    const reader = this.#reader;
    reader.reset(bytes, start, end);
    const kind = reader.byte();
    if (kind === PAYLOAD_KIND.records) return { kind: 'records', records: this.#records() };
    if (kind !== PAYLOAD_KIND.event) throw violation(`is of the unknown kind ${kind}`);
    const event = parseEvent(reader.value());
    if (event === null) throw violation('holds an unknown event');
    return { kind: 'event', event };
  }

  #records(): StreamRecord[] {
    const reader = this.#reader;
    const count = reader.uint32();
    // A record takes two bytes at least: flags and value.
    if (count * 2 > reader.remaining) throw violation('has a count that cannot be');
    this.#tensors = [];
    const records: StreamRecord[] = [];
    let eventTimeMs = 0;
    let ingestedAtMs = 0;
    let source: ObjectReference | null = null;
    for (let index = 0; index < count; index += 1) {
      const flags = reader.byte();
      if ((flags & RECORD_FLAG.eventTimeDelta) !== 0) eventTimeMs += reader.number();
      else if ((flags & RECORD_FLAG.eventTimeAbsolute) !== 0) eventTimeMs = reader.float64();
      if ((flags & RECORD_FLAG.ingestedAtDelta) !== 0) ingestedAtMs += reader.number();
      else if ((flags & RECORD_FLAG.ingestedAtAbsolute) !== 0) ingestedAtMs = reader.float64();
      const value = reader.value();
      if (typeof value !== 'object' || value === null) throw violation('has a record of no fields');
      if ((flags & RECORD_FLAG.source) === 0) source = null;
      else if ((flags & RECORD_FLAG.sourceAsBefore) === 0) source = this.#source();
      const tensor = (flags & RECORD_FLAG.tensor) === 0 ? null : this.#tensor();
      records.push(
        new StreamRecord(value as RecordValue, eventTimeMs, ingestedAtMs, source, null, tensor),
      );
    }
    if (reader.remaining !== 0) throw violation('is longer than its records');
    return records;
  }

  #source(): ObjectReference {
    const uri = this.#reader.string();
    return { uri, etag: this.#reader.string() };
  }

  #tensor(): ImageTensor {
    const reader = this.#reader;
    const description = this.#description(reader.varint());
    const { height, width, channels, color, normalization } = description;
    const data = reader.copy(height * width * channels);
    return { data, height, width, channels, color, normalization };
  }

  #description(number: number): TensorDescription {
    const known = this.#tensors[number];
    if (known !== undefined) return known;
    if (number !== this.#tensors.length && number !== TENSOR_DESCRIPTIONS_MAX) {
      throw violation('names an unknown tensor description');
    }
    const description = parseDescription(this.#reader.value());
    if (description === null) throw violation('has an invalid tensor description');
    if (number < TENSOR_DESCRIPTIONS_MAX) this.#tensors.push(description);
    return description;
  }
}

const COLORS: readonly unknown[] = ['RGB', 'BGR', 'GREY'] satisfies ColorOrder[];
const LAYOUTS: readonly unknown[] = ['NCHW', 'NHWC'] satisfies TensorLayout[];
const TYPES: readonly unknown[] = ['f32', 'f16', 'u8'] satisfies TensorElementType[];

function parseDescription(value: unknown): TensorDescription | null {
  if (!isObject(value)) return null;
  const { height, width, channels, color } = value;
  if (!isSize(height) || !isSize(width)) return null;
  if (channels !== 1 && channels !== 3) return null;
  if (!COLORS.includes(color)) return null;
  const normalization = parseNormalization(value['normalization'], channels);
  if (normalization === null) return null;
  return { height, width, channels, color: color as ColorOrder, normalization };
}

function parseNormalization(value: unknown, channels: number): PixelNormalization | null {
  if (!isObject(value)) return null;
  const { scale, mean, std, layout, type } = value;
  if (typeof scale !== 'number' || !LAYOUTS.includes(layout) || !TYPES.includes(type)) return null;
  if (!isPerChannel(mean, channels) || !isPerChannel(std, channels)) return null;
  return { scale, mean, std, layout: layout as TensorLayout, type: type as TensorElementType };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function isSize(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) <= 0xffff;
}

function isPerChannel(value: unknown, channels: number): value is readonly number[] {
  if (!Array.isArray(value) || value.length < channels || value.length > 4) return false;
  return value.every((element) => typeof element === 'number');
}
