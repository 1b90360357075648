/** One part file on its way: rows that wait in memory, and the invisible file behind them. */
import type { PendingFile, RecoverableWriter } from '../../../shared/filesystem/filesystem.ts';
import type { CancelTimer } from '../../../shared/time/clock.ts';

export class PartFile {
  /** Opened with the first bytes that are written; empty part files never exist. */
  writer: RecoverableWriter | null = null;
  /** Takes no more rows; becomes visible once it is written, closed and committed. */
  isSealed = false;
  /** Set once it is written and closed: durable, invisible. */
  pending: PendingFile | null = null;
  cancelAgeTimer: CancelTimer = () => {};
  #rows: string[] = [];
  #waitingBytes = 0;
  #bytes = 0;

  /** Bytes that were accepted and are not yet handed to storage. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** All bytes accepted. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Gives the length of the row in bytes. */
  append(row: string): number {
    const bytes = Buffer.byteLength(row);
    this.#rows.push(row);
    this.#waitingBytes += bytes;
    this.#bytes += bytes;
    return bytes;
  }

  /** Takes what waits, up to about `bytesMax`, at least one row. */
  takeChunk(bytesMax: number): Uint8Array {
    let characters = 0;
    let count = 0;
    while (count < this.#rows.length && characters < bytesMax) {
      characters += this.#rows[count]?.length ?? 0;
      count += 1;
    }
    const chunk = Buffer.from(this.#rows.splice(0, count).join(''));
    this.#waitingBytes -= chunk.length;
    return chunk;
  }
}
