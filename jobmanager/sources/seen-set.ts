import { hash } from 'node:crypto';
import { invariant } from '../../shared/errors/invariant.ts';

const RECENT_SLOTS = 1 << 15;
const RECENT_MAX = RECENT_SLOTS / 2;

/**
 * Remembers names in 8 bytes each: the first 64 bits of their SHA-1, so 20 million names collide with
 * a probability of 10⁻⁵. Two levels, as in a log-structured merge tree: new hashes go to a small
 * open-addressing table; when it is half full it is merged into one sorted array, which is searched
 * by bisection. Single-threaded.
 */
export class SeenSet {
  #sortedHigh = new Uint32Array(0);
  #sortedLow = new Uint32Array(0);
  readonly #recentHigh = new Uint32Array(RECENT_SLOTS);
  readonly #recentLow = new Uint32Array(RECENT_SLOTS);
  #recentCount = 0;

  get size(): number {
    return this.#sortedHigh.length + this.#recentCount;
  }

  /** Adds a name; true if it was not there. */
  add(name: string): boolean {
    const [high, low] = hashOf(name);
    if (this.#inSorted(high, low)) return false;
    const slot = this.#recentSlot(high, low);
    if (this.#recentLow[slot] !== 0) return false;
    this.#recentHigh[slot] = high;
    this.#recentLow[slot] = low;
    this.#recentCount += 1;
    if (this.#recentCount >= RECENT_MAX) this.#merge();
    return true;
  }

  has(name: string): boolean {
    const [high, low] = hashOf(name);
    return this.#inSorted(high, low) || this.#recentLow[this.#recentSlot(high, low)] !== 0;
  }

  /** The hashes, 8 bytes each, for a snapshot. */
  toBytes(): Uint8Array {
    this.#merge();
    const bytes = new Uint8Array(this.#sortedHigh.length * 8);
    bytes.set(new Uint8Array(this.#sortedHigh.buffer), 0);
    bytes.set(new Uint8Array(this.#sortedLow.buffer), this.#sortedHigh.length * 4);
    return bytes;
  }

  static fromBytes(bytes: Uint8Array): SeenSet {
    invariant(bytes.length % 8 === 0, 'a seen set has 8 bytes a name', { bytes: bytes.length });
    const seen = new SeenSet();
    const half = bytes.length / 2;
    seen.#sortedHigh = new Uint32Array(bytes.slice(0, half).buffer);
    seen.#sortedLow = new Uint32Array(bytes.slice(half).buffer);
    return seen;
  }

  /** Where the hash is in the table, or else the empty slot where it would be. */
  #recentSlot(high: number, low: number): number {
    let slot = low & (RECENT_SLOTS - 1);
    while (this.#recentLow[slot] !== 0) {
      if (this.#recentLow[slot] === low && this.#recentHigh[slot] === high) break;
      slot = (slot + 1) & (RECENT_SLOTS - 1);
    }
    return slot;
  }

  #inSorted(high: number, low: number): boolean {
    let from = 0;
    let to = this.#sortedHigh.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      const candidate = this.#sortedHigh[middle] ?? 0;
      const isBefore =
        candidate < high || (candidate === high && (this.#sortedLow[middle] ?? 0) < low);
      if (isBefore) from = middle + 1;
      else to = middle;
    }
    return this.#sortedHigh[from] === high && this.#sortedLow[from] === low;
  }

  #merge(): void {
    const recent = this.#takeRecentSorted();
    const total = this.#sortedHigh.length + recent.length;
    const high = new Uint32Array(total);
    const low = new Uint32Array(total);
    let old = 0;
    let fresh = 0;
    for (let target = 0; target < total; target += 1) {
      const [freshHigh, freshLow] = recent[fresh] ?? [0, 0];
      const oldHigh = this.#sortedHigh[old] ?? 0;
      const oldLow = this.#sortedLow[old] ?? 0;
      const takeOld =
        fresh >= recent.length ||
        (old < this.#sortedHigh.length &&
          (oldHigh < freshHigh || (oldHigh === freshHigh && oldLow < freshLow)));
      high[target] = takeOld ? oldHigh : freshHigh;
      low[target] = takeOld ? oldLow : freshLow;
      if (takeOld) old += 1;
      else fresh += 1;
    }
    this.#sortedHigh = high;
    this.#sortedLow = low;
  }

  #takeRecentSorted(): [number, number][] {
    const recent: [number, number][] = [];
    for (let slot = 0; slot < RECENT_SLOTS; slot += 1) {
      const low = this.#recentLow[slot] ?? 0;
      if (low !== 0) recent.push([this.#recentHigh[slot] ?? 0, low]);
    }
    this.#recentHigh.fill(0);
    this.#recentLow.fill(0);
    this.#recentCount = 0;
    return recent.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  }
}

function hashOf(name: string): readonly [high: number, low: number] {
  const digest = hash('sha1', name, 'buffer');
  // (0, 0) marks an empty slot of the table; no name may hash to it.
  return [digest.readUInt32LE(0), digest.readUInt32LE(4) || 1];
}
