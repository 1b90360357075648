import type { ImageTensor } from './image-tensor.ts';

/** What expressions see and sinks write: plain data that JSON and msgpack can carry. */
export type RecordValue = Readonly<Record<string, unknown>>;

/** The object a record came from; `etag` names its version. */
export interface ObjectReference {
  readonly uri: string;
  readonly etag: string;
}

/**
 * One element of a stream. Records are immutable once emitted: an operator that changes something
 * emits a new record (`derive`), because several operators of a chain may hold the same one.
 *
 * `bytes` and `tensor` are the heavy parts. They stay inside a task manager: at a network edge
 * `bytes` is dropped (a later stage reads the object again by reference) and `tensor` travels as
 * uint8. A class, so that every record has the same hidden shape.
 */
export class StreamRecord {
  readonly value: RecordValue;
  /** When it happened: the object's modification time, or a field of the record. */
  readonly eventTimeMs: number;
  /** When the source began to read it; latency is measured from here. */
  readonly ingestedAtMs: number;
  /** Null for generated records. */
  readonly source: ObjectReference | null;
  /** The encoded image, as read. */
  readonly bytes: Uint8Array | null;
  readonly tensor: ImageTensor | null;

  constructor(
    value: RecordValue,
    eventTimeMs: number,
    ingestedAtMs: number,
    source: ObjectReference | null,
    bytes: Uint8Array | null,
    tensor: ImageTensor | null,
  ) {
    this.value = value;
    this.eventTimeMs = eventTimeMs;
    this.ingestedAtMs = ingestedAtMs;
    this.source = source;
    this.bytes = bytes;
    this.tensor = tensor;
  }

  /** The same record with another value. */
  withValue(value: RecordValue): StreamRecord {
    return this.withTensor(value, this.tensor);
  }

  /** The same record with another value and another tensor (null frees it). */
  withTensor(value: RecordValue, tensor: ImageTensor | null): StreamRecord {
    return new StreamRecord(
      value,
      this.eventTimeMs,
      this.ingestedAtMs,
      this.source,
      this.bytes,
      tensor,
    );
  }
}
