import type { SluiceError } from '../errors/sluice-error.ts';
import { LatencyHistogram, type SparseHistogram } from '../observability/latency-histogram.ts';
import { describeFailure } from './s3-errors.ts';

/**
 * How a try of a request ended. `not_found` and `conflict` are answers that callers reckon with; the
 * rest beside `ok` and `cancelled` are failures.
 */
export const REQUEST_OUTCOMES = [
  'ok',
  'not_found',
  'conflict',
  'cancelled',
  'throttled',
  'unavailable',
  'timeout',
  'denied',
  'error',
] as const;

export type RequestOutcome = (typeof REQUEST_OUTCOMES)[number];

/** The requests of one operation (`GetObject`), since the thread began. Plain data. */
export interface OperationTotals {
  readonly operation: string;
  readonly outcomes: Readonly<Partial<Record<RequestOutcome, number>>>;
  /** Tries beside the first one of a call. */
  readonly retries: number;
  /** Of every try but the cancelled ones, its body included. */
  readonly latency: SparseHistogram;
}

/** What a thread asked of S3. Plain data: it crosses threads. */
export interface StorageTotals {
  readonly operations: readonly OperationTotals[];
  /** Bodies, as their headers announce them. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

interface Operation {
  readonly outcomes: Partial<Record<RequestOutcome, number>>;
  retries: number;
  readonly latency: LatencyHistogram;
}

/** Counts requests to S3; of one thread, or summed over several. */
export class StorageMeter {
  readonly #operations = new Map<string, Operation>();
  #bytesSent = 0;
  #bytesReceived = 0;

  /** One try has ended. `number`: 0 for the first one of a call. */
  tried(
    operation: string,
    attempt: {
      readonly number: number;
      readonly outcome: RequestOutcome;
      readonly durationMs: number;
    },
  ): void {
    const { number, outcome, durationMs } = attempt;
    const entry = this.#operation(operation);
    entry.outcomes[outcome] = (entry.outcomes[outcome] ?? 0) + 1;
    if (number > 0) entry.retries += 1;
    if (outcome !== 'cancelled') entry.latency.record(durationMs);
  }

  transferred(bytes: { readonly sent: number; readonly received: number }): void {
    this.#bytesSent += bytes.sent;
    this.#bytesReceived += bytes.received;
  }

  add(totals: StorageTotals): void {
    this.transferred({ sent: totals.bytesSent, received: totals.bytesReceived });
    for (const { operation, outcomes, retries, latency } of totals.operations) {
      const entry = this.#operation(operation);
      entry.retries += retries;
      entry.latency.merge(latency);
      for (const outcome of REQUEST_OUTCOMES) {
        const count = outcomes[outcome];
        if (count !== undefined) entry.outcomes[outcome] = (entry.outcomes[outcome] ?? 0) + count;
      }
    }
  }

  totals(): StorageTotals {
    const operations = [...this.#operations].map(([operation, entry]) => ({
      operation,
      outcomes: { ...entry.outcomes },
      retries: entry.retries,
      latency: entry.latency.toSparse(),
    }));
    return { operations, bytesSent: this.#bytesSent, bytesReceived: this.#bytesReceived };
  }

  #operation(operation: string): Operation {
    const present = this.#operations.get(operation);
    if (present !== undefined) return present;
    const entry: Operation = { outcomes: {}, retries: 0, latency: new LatencyHistogram() };
    this.#operations.set(operation, entry);
    return entry;
  }
}

const THROTTLED = /^(SlowDown|ThrottlingException|TooManyRequestsException|RequestLimitExceeded)$/;

/** `raw`: what the SDK threw; `error`: the same in the port's words. */
export function outcomeOf(error: SluiceError, raw: unknown): RequestOutcome {
  const { name, status } = describeFailure(raw);
  if (THROTTLED.test(name) || status === 429) return 'throttled';
  switch (error.code) {
    case 'STORAGE_NOT_FOUND':
      return 'not_found';
    case 'PRECONDITION_FAILED':
    case 'OBJECT_CHANGED':
      return 'conflict';
    case 'STORAGE_CREDENTIALS':
    case 'STORAGE_DENIED':
      return 'denied';
    case 'STORAGE_UNAVAILABLE':
      return 'unavailable';
    default:
      return 'error';
  }
}
