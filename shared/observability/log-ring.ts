/** Which part of a log. */
export interface LogRange {
  /** From this byte on; without it, the last `length` bytes. */
  readonly offset?: number | undefined;
  /** So many bytes at most. */
  readonly length: number;
  /** Only the last lines; then `offset` means nothing. */
  readonly tail?: number | undefined;
}

/** Offsets count the bytes that were written since the process started. */
export interface LogPart {
  /** Of the first byte that is kept. */
  readonly start: number;
  /** After the last byte that was written. */
  readonly end: number;
  /** Of the first byte of `text`. */
  readonly offset: number;
  /** UTF-8; whole lines, unless one alone is longer than was asked for. */
  readonly text: Buffer;
}

export const LOG_RING_BYTES_MAX = 2 * 1024 ** 2;

/** A longer line is cut: one must not push out all others. */
const LINE_BYTES_MAX = 64 * 1024;
const CUT = Buffer.from(' … (cut)\n');

interface Line {
  readonly offset: number;
  readonly bytes: Buffer;
}

/** The last part of a process's log, in memory. Whole lines go when it is full, the oldest first. */
export class LogRing {
  readonly #bytesMax: number;
  #lines: Line[] = [];
  /** Of the first line that is kept; those before it are thrown away now and then. */
  #first = 0;
  #end = 0;

  constructor(bytesMax = LOG_RING_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  /** A line with its line break. */
  write(line: string): void {
    const whole = Buffer.from(line);
    const isLong = whole.length > LINE_BYTES_MAX;
    const bytes = isLong
      ? Buffer.concat([whole.subarray(0, characterEnd(whole, LINE_BYTES_MAX)), CUT])
      : whole;
    this.#lines.push({ offset: this.#end, bytes });
    this.#end += bytes.length;
    while (this.#end - this.#start > this.#bytesMax && this.#first < this.#lines.length - 1) {
      this.#first += 1;
    }
    if (this.#first > 1024 && this.#first > this.#lines.length / 2) {
      this.#lines = this.#lines.slice(this.#first);
      this.#first = 0;
    }
  }

  read({ offset, length, tail }: LogRange): LogPart {
    if (tail !== undefined) return this.#last(length, tail);
    if (offset === undefined) return this.#last(length, Number.POSITIVE_INFINITY);
    const from = Math.min(Math.max(offset, this.#start), this.#end);
    const found = this.#lineAt(from);
    const parts: Buffer[] = [];
    let room = length;
    for (const line of this.#lines.slice(found)) {
      const rest = line.bytes.subarray(Math.max(0, from - line.offset));
      if (rest.length <= room) {
        parts.push(rest);
        room -= rest.length;
        continue;
      }
      if (parts.length === 0) parts.push(rest.subarray(0, characterEnd(rest, room)));
      break;
    }
    return this.#part(from, parts);
  }

  get #start(): number {
    return this.#lines[this.#first]?.offset ?? this.#end;
  }

  #last(bytesMax: number, linesMax: number): LogPart {
    let index = this.#lines.length;
    let bytes = 0;
    while (index > this.#first && this.#lines.length - index < linesMax) {
      const size = this.#lines[index - 1]?.bytes.length ?? 0;
      if (bytes + size > bytesMax) break;
      bytes += size;
      index -= 1;
    }
    return this.#part(
      this.#end - bytes,
      this.#lines.slice(index).map((line) => line.bytes),
    );
  }

  /** The index of the line that holds this byte; after the last one for the end. */
  #lineAt(offset: number): number {
    let low = this.#first;
    let high = this.#lines.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const line = this.#lines[middle];
      if (line !== undefined && line.offset + line.bytes.length <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #part(offset: number, parts: readonly Buffer[]): LogPart {
    return { start: this.#start, end: this.#end, offset, text: Buffer.concat(parts) };
  }
}

/** `length`, or less where that would cut a character; at least one byte, so that readers get on. */
function characterEnd(bytes: Buffer, length: number): number {
  let end = Math.min(length, bytes.length);
  while (end > 1 && end < bytes.length && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return end;
}
