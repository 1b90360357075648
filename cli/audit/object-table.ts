import { hash } from 'node:crypto';
import { invariant } from '../../shared/errors/invariant.ts';

const CAPACITY_INITIAL = 1024;
const COUNT_MAX = 255;
/** Which half of a 64-bit number comes second in memory. */
const IS_LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;
const HIGH = IS_LITTLE_ENDIAN ? 1 : 0;
const LOW = 1 - HIGH;

/**
 * Names, and a small count of each in several columns: 8 bytes a name (the first 64 bits of its
 * SHA-1; a million names collide with a probability of 3 · 10⁻⁸) and one byte a column, whose counts
 * end at 255. First names are added, then the table is sealed, then it is asked and counted in.
 */
export class ObjectTable {
  readonly #columns: number;
  /** Pairs of 32 bits that are one number of 64; sorted once sealed. */
  #hashes = new Uint32Array(2 * CAPACITY_INITIAL);
  #size = 0;
  #counts: Uint8Array | null = null;

  constructor(columns: number) {
    this.#columns = columns;
  }

  /** Once sealed: of different names. */
  get size(): number {
    return this.#size;
  }

  add(name: string): void {
    invariant(this.#counts === null, 'names are added before the table is sealed');
    if (2 * this.#size === this.#hashes.length) {
      const larger = new Uint32Array(2 * this.#hashes.length);
      larger.set(this.#hashes);
      this.#hashes = larger;
    }
    const [high, low] = hashOf(name);
    this.#hashes[2 * this.#size + HIGH] = high;
    this.#hashes[2 * this.#size + LOW] = low;
    this.#size += 1;
  }

  seal(): void {
    const sorted = new BigUint64Array(this.#hashes.buffer, 0, this.#size).slice().sort();
    let kept = 0;
    for (let index = 0; index < sorted.length; index += 1) {
      const value = sorted[index] ?? 0n;
      if (index > 0 && value === sorted[kept - 1]) continue;
      sorted[kept] = value;
      kept += 1;
    }
    this.#hashes = new Uint32Array(sorted.buffer, 0, 2 * kept);
    this.#size = kept;
    this.#counts = new Uint8Array(kept * this.#columns);
  }

  /** Of a name's counts, or -1 where it was not added. */
  indexOf(name: string): number {
    const [high, low] = hashOf(name);
    let from = 0;
    let to = this.#size;
    while (from < to) {
      const middle = (from + to) >>> 1;
      const candidate = this.#hashes[2 * middle + HIGH] ?? 0;
      const isBefore =
        candidate < high || (candidate === high && (this.#hashes[2 * middle + LOW] ?? 0) < low);
      if (isBefore) from = middle + 1;
      else to = middle;
    }
    const isFound =
      from < this.#size &&
      this.#hashes[2 * from + HIGH] === high &&
      this.#hashes[2 * from + LOW] === low;
    return isFound ? from : -1;
  }

  /** Gives the new count. */
  increment(index: number, column: number): number {
    const counts = this.#counts;
    invariant(counts !== null, 'a sealed table is counted in');
    const at = index * this.#columns + column;
    const count = Math.min(COUNT_MAX, (counts[at] ?? 0) + 1);
    counts[at] = count;
    return count;
  }

  count(index: number, column: number): number {
    return this.#counts?.[index * this.#columns + column] ?? 0;
  }
}

function hashOf(name: string): readonly [high: number, low: number] {
  const digest = hash('sha1', name, 'buffer');
  return [digest.readUInt32LE(0), digest.readUInt32LE(4)];
}
