/**
 * Writes records, one behind the other, into a buffer until it is full. The heavy `bytes` of a record
 * stay behind; times, source and tensor description cost nothing but bits where they are those of
 * the record before. Format: `wire-format.ts`. One thread.
 */
import type { ImageTensor } from '../record/image-tensor.ts';
import type { ObjectReference, StreamRecord } from '../record/stream-record.ts';
import { ValueWriter } from './value-writer.ts';
import {
  PAYLOAD_KIND,
  RECORD_FLAG,
  RECORDS_HEADER_BYTES,
  TENSOR_DESCRIPTIONS_MAX,
} from './wire-format.ts';

export class RecordBatchEncoder {
  readonly #writer = new ValueWriter();
  #start = 0;
  #count = 0;
  #eventTimeMs = 0;
  #ingestedAtMs = 0;
  #source: ObjectReference | null = null;
  #tensors: ImageTensor[] = [];

  /** Starts a batch at `start` of the buffer. */
  begin(bytes: Buffer, start: number): void {
    this.#writer.reset(bytes, start + RECORDS_HEADER_BYTES);
    this.#start = start;
    this.#count = 0;
    this.#eventTimeMs = 0;
    this.#ingestedAtMs = 0;
    this.#source = null;
    this.#tensors = [];
  }

  /** Records in the batch. */
  get count(): number {
    return this.#count;
  }

  /** Where the batch ends now. */
  get position(): number {
    return this.#writer.position;
  }

  /**
   * Adds a record. 0: done. Else it does not fit and nothing has changed; the number is the size that
   * the buffer would need with this record. Throws a SluiceError (`RECORD_INVALID`) where the value
   * cannot be sent; nothing has changed then either.
   */
  append(record: StreamRecord): number {
    const writer = this.#writer;
    const { position, shapesDefined } = writer;
    const descriptions = this.#tensors.length;
    try {
      this.#write(record);
    } catch (error) {
      writer.position = position;
      writer.shapesDefined = shapesDefined;
      writer.depth = 0;
      this.#tensors.length = descriptions;
      throw error;
    }
    const end = writer.position;
    if (end > writer.bytes.length) {
      writer.position = position;
      writer.shapesDefined = shapesDefined;
      this.#tensors.length = descriptions;
      return end;
    }
    this.#count += 1;
    this.#eventTimeMs = record.eventTimeMs;
    this.#ingestedAtMs = record.ingestedAtMs;
    this.#source = record.source;
    return 0;
  }

  /** Completes the batch; gives where it ends. */
  finish(): number {
    const { bytes } = this.#writer;
    bytes[this.#start] = PAYLOAD_KIND.records;
    bytes.writeUInt32LE(this.#count, this.#start + 1);
    return this.#writer.position;
  }

  #write(record: StreamRecord): void {
    const writer = this.#writer;
    const flagsAt = writer.position;
    writer.position = flagsAt + 1;
    let flags = 0;
    const { eventTimeMs, ingestedAtMs, source, tensor } = record;
    if (eventTimeMs !== this.#eventTimeMs) {
      const delta = this.#time(eventTimeMs, this.#eventTimeMs);
      flags |= delta ? RECORD_FLAG.eventTimeDelta : RECORD_FLAG.eventTimeAbsolute;
    }
    if (ingestedAtMs !== this.#ingestedAtMs) {
      const delta = this.#time(ingestedAtMs, this.#ingestedAtMs);
      flags |= delta ? RECORD_FLAG.ingestedAtDelta : RECORD_FLAG.ingestedAtAbsolute;
    }
    writer.value(record.value);
    if (source !== null) {
      flags |= RECORD_FLAG.source;
      if (source === this.#source) {
        flags |= RECORD_FLAG.sourceAsBefore;
      } else {
        writer.string(source.uri);
        writer.string(source.etag);
      }
    }
    if (tensor !== null) {
      flags |= RECORD_FLAG.tensor;
      this.#tensor(tensor);
    }
    writer.bytes[flagsAt] = flags;
  }

  /** True: written as the difference; false: as it is. */
  #time(timeMs: number, beforeMs: number): boolean {
    const delta = timeMs - beforeMs;
    if ((delta | 0) === delta && Number.isSafeInteger(timeMs) && Number.isSafeInteger(beforeMs)) {
      this.#writer.number(delta);
      return true;
    }
    this.#writer.float64(timeMs);
    return false;
  }

  #tensor(tensor: ImageTensor): void {
    const writer = this.#writer;
    let number = this.#tensors.findLastIndex((other) => sameDescription(other, tensor));
    if (number >= 0) {
      writer.varint(number);
    } else {
      // Past the limit, a description is written for one tensor only, under the last number.
      number = Math.min(this.#tensors.length, TENSOR_DESCRIPTIONS_MAX - 1);
      const isNew = number === this.#tensors.length;
      if (isNew) this.#tensors.push(tensor);
      writer.varint(isNew ? number : TENSOR_DESCRIPTIONS_MAX);
      const { height, width, channels, color, normalization } = tensor;
      writer.value({ height, width, channels, color, normalization });
    }
    writer.raw(tensor.data);
  }
}

function sameDescription(a: ImageTensor, b: ImageTensor): boolean {
  if (a.height !== b.height || a.width !== b.width) return false;
  if (a.channels !== b.channels || a.color !== b.color) return false;
  const [left, right] = [a.normalization, b.normalization];
  if (left === right) return true;
  return (
    left.scale === right.scale &&
    left.layout === right.layout &&
    left.type === right.type &&
    sameNumbers(left.mean, right.mean) &&
    sameNumbers(left.std, right.std)
  );
}

function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((number, index) => number === b[index]);
}
