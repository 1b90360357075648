/** Writes the entries of one state as segments, each stored as soon as it is full. Slot's thread. */
import type { KeyedStateSegment } from '../../shared/checkpoint/snapshot.ts';
import type { StateHandle } from '../../shared/checkpoint/state-handle.ts';
import type { PieceStore } from './piece-store.ts';
import { ENTRY_FLAG, type EncodedEntry, SEGMENT_BYTES, SEGMENT_FORMAT } from './segment-format.ts';

const FIRST_BYTES = 16 * 1024;

/** A segment that is being stored. */
export interface OpenSegment extends Omit<KeyedStateSegment, 'handle'> {
  readonly handle: Promise<StateHandle>;
}

export class SegmentWriter {
  readonly segments: OpenSegment[] = [];
  readonly #kind: KeyedStateSegment['kind'];
  readonly #pieces: PieceStore;
  readonly #segmentBytes: number;
  #buffer = Buffer.allocUnsafe(FIRST_BYTES);
  #position = 0;
  #firstKeyGroup = 0;
  #offsets: number[] = [];

  constructor(
    kind: KeyedStateSegment['kind'],
    pieces: PieceStore,
    segmentBytes: number = SEGMENT_BYTES,
  ) {
    this.#kind = kind;
    this.#pieces = pieces;
    this.#segmentBytes = segmentBytes;
  }

  /** Before each entry: whether `cut` is due. */
  mustCut(keyGroup: number): boolean {
    if (this.#position === 0) return false;
    // A further run of entries begins with a lower key group.
    return this.#position >= this.#segmentBytes || keyGroup < this.#lastKeyGroup();
  }

  put({ keyGroup, key, sub, value }: EncodedEntry): void {
    this.#reserve(
      14 + key.byteLength + (sub === null ? 0 : sub.byteLength) + (value?.byteLength ?? 0),
    );
    this.#beginGroup(keyGroup);
    const flags = (value === null ? ENTRY_FLAG.removed : 0) | (sub === null ? 0 : ENTRY_FLAG.sub);
    this.#buffer[this.#position++] = flags;
    this.#part(key);
    if (sub !== null) this.#part(sub);
    if (value !== null) this.#part(value);
  }

  /** Closes the segment; resolves when there is room for another one. */
  async cut(): Promise<void> {
    if (this.#position === 0) return;
    this.#offsets.push(this.#position);
    // A copy of the right size: the store may keep or transfer it.
    const bytes = new Uint8Array(this.#buffer.subarray(0, this.#position));
    this.#position = 0;
    const segment = {
      kind: this.#kind,
      firstKeyGroup: this.#firstKeyGroup,
      offsets: this.#offsets,
    };
    this.segments.push({ ...segment, handle: this.#pieces.add(bytes) });
    await this.#pieces.hasRoom();
  }

  #lastKeyGroup(): number {
    return this.#firstKeyGroup + this.#offsets.length - 1;
  }

  #beginGroup(keyGroup: number): void {
    if (this.#position === 0) {
      this.#buffer[0] = SEGMENT_FORMAT;
      this.#position = 1;
      this.#firstKeyGroup = keyGroup;
      this.#offsets = [1];
      return;
    }
    while (this.#lastKeyGroup() < keyGroup) this.#offsets.push(this.#position);
  }

  #part(part: Uint8Array): void {
    this.#position = this.#buffer.writeUInt32LE(part.byteLength, this.#position);
    this.#buffer.set(part, this.#position);
    this.#position += part.byteLength;
  }

  #reserve(bytes: number): void {
    const needed = this.#position + bytes;
    if (needed <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, 2 * this.#buffer.length));
    this.#buffer.copy(grown, 0, 0, this.#position);
    this.#buffer = grown;
  }
}
