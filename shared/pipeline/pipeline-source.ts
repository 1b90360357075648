import type { ErrorCode } from '../errors/codes.ts';
import { SluiceError } from '../errors/sluice-error.ts';
import {
  entryAt,
  type LocatedValue,
  type TextRange,
  type ValuePath,
  valueAt,
} from './located-value.ts';

export interface ProblemDetails {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly node?: string;
  readonly severity?: 'error' | 'warning';
  readonly cause?: unknown;
}

export interface ProblemPlace {
  /** Where in the document; what does not exist falls back to the part that does. */
  readonly path: ValuePath;
  /** Point at the key rather than at the value. Default: the value. */
  readonly on?: 'key' | 'value';
  /** A part of a text value (an expression), as offsets in the value. */
  readonly within?: TextRange;
}

/** Of a longer line a problem carries this much around its place. */
export const SOURCE_WIDTH_MAX = 120;
const SOURCE_WIDTH_BEFORE = 40;

/** The text of a pipeline's file: turns places in the document into problems that name them. */
export class PipelineSource {
  readonly fileName: string;
  readonly text: string;
  /** The document as written, before substitution; null while it is not parsed. */
  root: LocatedValue | null = null;
  readonly #lineStarts: readonly number[];

  constructor(fileName: string, text: string) {
    this.fileName = fileName;
    this.text = text;
    const starts = [0];
    for (let index = text.indexOf('\n'); index !== -1; index = text.indexOf('\n', index + 1)) {
      starts.push(index + 1);
    }
    this.#lineStarts = starts;
  }

  problemAt(place: ProblemPlace, details: ProblemDetails): SluiceError {
    return this.problemInRange(this.#rangeOf(place), details);
  }

  problemInRange(range: TextRange, details: ProblemDetails): SluiceError {
    return this.#problem(details, this.#placeOf(range));
  }

  /** 1-based, of the key at the path (or of the part of the path that there is). */
  lineOf(path: ValuePath): number {
    return this.#lineIndexOf(this.#rangeOf({ path, on: 'key' }).start) + 1;
  }

  /** For what has no place in the file. */
  problemOfFile(details: ProblemDetails): SluiceError {
    return this.#problem(details, {});
  }

  #problem(details: ProblemDetails, place: Readonly<Record<string, string | number>>): SluiceError {
    return new SluiceError(details.code, details.message, {
      domain: 'user',
      context: {
        file: this.fileName,
        ...place,
        ...(details.severity === 'warning' ? { severity: 'warning' } : {}),
        ...(details.node === undefined ? {} : { node: details.node }),
      },
      ...(details.hint === undefined ? {} : { hint: details.hint }),
      ...(details.cause === undefined ? {} : { cause: details.cause }),
    });
  }

  #rangeOf(place: ProblemPlace): TextRange {
    for (let length = place.path.length; length > 0; length--) {
      const path = place.path.slice(0, length);
      const complete = length === place.path.length;
      const entry = entryAt(this.root, path);
      // A missing part is shown at the key that it is missing from.
      if (entry !== null && (!complete || place.on === 'key')) return entry.keyRange;
      const value = valueAt(this.root, path);
      if (value === null) continue;
      return place.within === undefined || !complete
        ? value.range
        : this.#within(value, place.within);
    }
    return { start: 0, end: 0 };
  }

  /** Only where the value stands in the text letter for letter (no escapes, no substitution). */
  #within(value: LocatedValue, part: TextRange): TextRange {
    if (value.kind !== 'scalar' || typeof value.value !== 'string') return value.range;
    const written = this.text.slice(value.range.start, value.range.end);
    const offset = written.indexOf(value.value);
    if (offset === -1 || written.includes('${')) return value.range;
    const base = value.range.start + offset;
    return { start: base + part.start, end: base + Math.max(part.end, part.start + 1) };
  }

  #placeOf(range: TextRange): Readonly<Record<string, string | number>> {
    const start = Math.min(range.start, this.text.length);
    const index = this.#lineIndexOf(start);
    const lineStart = this.#lineStarts[index] ?? 0;
    const lineEnd = (this.#lineStarts[index + 1] ?? this.text.length + 1) - 1;
    const source = this.text.slice(lineStart, lineEnd).replace(/\r$/, '');
    const column = start - lineStart + 1;
    const rest = Math.max(1, source.length - column + 1);
    const length = Math.max(1, Math.min(range.end - start, rest));
    const place = { line: index + 1, column, length };
    if (source.length <= SOURCE_WIDTH_MAX) return { ...place, source };
    const sourceStart = Math.max(0, column - 1 - SOURCE_WIDTH_BEFORE);
    const window = source.slice(sourceStart, sourceStart + SOURCE_WIDTH_MAX);
    return { ...place, source: window, sourceStart };
  }

  #lineIndexOf(offset: number): number {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
