import type { AuditedSink, Expectation } from './audit-plan.ts';

export type OffenceKind =
  /** Fewer than there must be. */
  | 'missing'
  /** More than there may be. */
  | 'double'
  /** A thumbnail that another object has, too: one of the two is lost. */
  | 'shared'
  /** A thumbnail that no row accounts for. */
  | 'unaccounted'
  /** A line that is no row with `uri` and `etag`. */
  | 'unreadable';

export interface Offence {
  readonly kind: OffenceKind;
  readonly sink: string;
  /** Of the object, or of the file that offends. */
  readonly uri: string;
  /** What was counted. */
  readonly count: number;
}

export interface SinkReport {
  readonly id: string;
  readonly kind: 'files' | 'thumbnails';
  readonly uri: string;
  /** `exactly 1`, `0 to 1`. */
  readonly expected: string;
  /** Rows, or thumbnails. */
  readonly found: number;
  readonly offences: Readonly<Record<OffenceKind, number>>;
  /** Of objects that the source has not (any more): removed, or written again. */
  readonly unlisted: number;
  /** Why nothing can be said about it; null: it was checked. */
  readonly unchecked: string | null;
}

export interface AuditReport {
  /** Every sink was checked, and nothing is missing, double or left over. */
  readonly exact: boolean;
  /** Versions of objects that the sources list. */
  readonly objects: number;
  readonly deadLetters: number;
  readonly sinks: readonly SinkReport[];
  /** The first ones, as many as were asked for. */
  readonly offences: readonly Offence[];
}

/** Counts what the audit finds of one sink, and keeps the first offences of all. */
export class SinkTally {
  readonly sink: AuditedSink;
  readonly #offences: Record<OffenceKind, number> = {
    missing: 0,
    double: 0,
    shared: 0,
    unaccounted: 0,
    unreadable: 0,
  };
  readonly #note: (offence: Offence) => void;
  found = 0;
  unlisted = 0;

  constructor(sink: AuditedSink, note: (offence: Offence) => void) {
    this.sink = sink;
    this.#note = note;
  }

  offend(kind: OffenceKind, uri: string, count: number): void {
    this.#offences[kind] += 1;
    this.#note({ kind, sink: this.sink.id, uri, count });
  }

  report(): SinkReport {
    const { id, kind, uri, expected, unchecked } = this.sink;
    const texts = new Set([...expected.values()].map(expectationText));
    return {
      id,
      kind,
      uri,
      expected: [...texts].join(' or '),
      found: this.found,
      offences: this.#offences,
      unlisted: this.unlisted,
      unchecked,
    };
  }
}

function expectationText({ min, max }: Expectation): string {
  return min === max ? `exactly ${max}` : `${min} to ${max}`;
}

export function isExact(sinks: readonly SinkReport[]): boolean {
  return sinks.every(
    ({ offences, unchecked }) =>
      unchecked === null && Object.values(offences).every((count) => count === 0),
  );
}
