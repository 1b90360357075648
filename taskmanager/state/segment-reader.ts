/**
 * Reads the segments of snapshots back: only those that hold key groups of the range, and of them
 * only its groups. Bytes are checked: the handle's checksum first, then every length. Slot's thread.
 */
import { crc32 } from 'node:zlib';
import type { KeyedStateHandle, KeyedStateSegment } from '../../shared/checkpoint/snapshot.ts';
import type { StateHandle } from '../../shared/checkpoint/state-handle.ts';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { KeyGroupRange } from '../../shared/key-groups/key-group-assignment.ts';
import type { SnapshotLoader } from '../task/snapshot-store.ts';
import type { Pace } from './pace.ts';
import { ENTRY_FLAG, type EncodedEntry, SEGMENT_FORMAT } from './segment-format.ts';

export interface SegmentSource {
  readonly loader: SnapshotLoader;
  readonly range: KeyGroupRange;
  readonly pace: Pace;
}

/** `apply` is called for each entry in the order in which they count; its bytes are views. */
export async function readSegments(
  handle: KeyedStateHandle,
  { loader, range, pace }: SegmentSource,
  apply: (entry: EncodedEntry) => void,
): Promise<void> {
  for (const segment of handle.segments) {
    const { firstKeyGroup, offsets } = segment;
    const lastKeyGroup = firstKeyGroup + offsets.length - 2;
    const from = Math.max(firstKeyGroup, range.first);
    const to = Math.min(lastKeyGroup, range.last);
    if (from > to) continue;
    const bytes = await loader.load(segment.handle);
    verify(bytes, segment.handle);
    for (let keyGroup = from; keyGroup <= to; keyGroup += 1) {
      const group = new EntryCursor(bytes, segment, keyGroup);
      for (let entry = group.next(); entry !== null; entry = group.next()) {
        apply(entry);
        if (pace.isDue()) await pace.rest();
      }
    }
  }
}

function verify(bytes: Uint8Array, handle: StateHandle): void {
  if (handle.kind === 'object') {
    if (bytes.byteLength !== handle.length) throw damaged('has another length', handle);
    if (crc32(bytes) !== handle.crc32) throw damaged('has another checksum', handle);
  }
  if (bytes[0] !== SEGMENT_FORMAT) throw damaged(`has the unknown format ${bytes[0]}`, handle);
}

/** The entries of one key group. */
class EntryCursor {
  readonly #bytes: Buffer;
  readonly #segment: KeyedStateSegment;
  readonly #keyGroup: number;
  #position: number;
  readonly #end: number;

  constructor(bytes: Uint8Array, segment: KeyedStateSegment, keyGroup: number) {
    const index = keyGroup - segment.firstKeyGroup;
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#segment = segment;
    this.#keyGroup = keyGroup;
    this.#position = segment.offsets[index] ?? -1;
    this.#end = segment.offsets[index + 1] ?? -1;
    const { length } = this.#bytes;
    if (!(1 <= this.#position && this.#position <= this.#end && this.#end <= length)) {
      throw damaged('is shorter than its key groups', segment.handle);
    }
  }

  next(): EncodedEntry | null {
    if (this.#position === this.#end) return null;
    const flags = this.#bytes[this.#position++] ?? 0;
    const key = this.#part();
    const sub = (flags & ENTRY_FLAG.sub) === 0 ? null : this.#part();
    const value = (flags & ENTRY_FLAG.removed) === 0 ? this.#part() : null;
    return { keyGroup: this.#keyGroup, key, sub, value };
  }

  #part(): Uint8Array {
    const start = this.#position + 4;
    if (start > this.#end) throw damaged('ends inside an entry', this.#segment.handle);
    const end = start + this.#bytes.readUInt32LE(this.#position);
    if (end > this.#end) throw damaged('ends inside an entry', this.#segment.handle);
    this.#position = end;
    return this.#bytes.subarray(start, end);
  }
}

function damaged(what: string, handle: StateHandle): SluiceError {
  const where = handle.kind === 'object' ? `${handle.uri} at ${handle.offset}` : 'the metadata';
  return new SluiceError('STATE_CORRUPT', `a piece of keyed state ${what}: ${where}`, {
    domain: 'external',
    hint: 'the checkpoint is damaged: restore an earlier one',
  });
}
