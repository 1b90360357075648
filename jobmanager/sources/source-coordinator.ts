import {
  type SerializedError,
  serializeError,
  toSluiceError,
} from '../../shared/errors/sluice-error.ts';
import type { JobManagerMessage } from '../../shared/rpc/messages.ts';
import { SplitAssignmentTracker } from './split-assignment-tracker.ts';
import type { EnumeratorProgress, SplitEnumerator } from './split-enumerator.ts';

export interface SourceCoordinatorOptions {
  readonly operatorId: string;
  readonly enumerator: SplitEnumerator<unknown>;
  /** The readers' attempts; the position is the subtask. */
  readonly attemptIds: readonly string[];
  readonly sendToAttempt: (attemptId: string, message: JobManagerMessage) => void;
  /** Discovery failed for good. At most once. */
  readonly onFailure: (error: SerializedError) => void;
}

/** Splits that one request can get; a reader that wants more asks again. */
const SPLITS_PER_REQUEST_MAX = 1_024;

/**
 * The job manager's end of one source (FLIP-27's SourceCoordinator): runs the enumerator, passes the
 * readers' requests to it and its answers to the readers, by attempt. Whatever the enumerator throws
 * fails the job, never the job manager. Single-threaded.
 */
export class SourceCoordinator {
  readonly operatorId: string;
  readonly #options: SourceCoordinatorOptions;
  readonly #tracker = new SplitAssignmentTracker();
  /** Attempt ids of the readers that still run, by subtask. */
  readonly #readers: (string | null)[];
  #progress: EnumeratorProgress | null = null;
  #over = false;

  constructor(options: SourceCoordinatorOptions) {
    this.operatorId = options.operatorId;
    this.#options = options;
    this.#readers = [...options.attemptIds];
  }

  start(): void {
    this.#guarded(() =>
      this.#options.enumerator.start({
        parallelism: this.#readers.length,
        assignSplits: (subtask, splits) => this.#assign(subtask, splits),
        signalNoMoreSplits: (subtask) => {
          const attemptId = this.#readers[subtask];
          if (this.#over || attemptId == null) return;
          this.#options.sendToAttempt(attemptId, { kind: 'no-more-splits', attemptId });
        },
        fail: (error) => this.#fail(error),
      }),
    );
  }

  /** From attempts that no longer run, or never did: nothing happens. */
  handleSplitRequest(attemptId: string, count: number): void {
    const subtask = this.#readers.indexOf(attemptId);
    if (subtask < 0 || count < 1) return;
    const bounded = Math.min(count, SPLITS_PER_REQUEST_MAX);
    this.#guarded(() => this.#options.enumerator.handleSplitRequest(subtask, bounded));
  }

  /** Drain: what was found is still handed out. */
  stop(): void {
    this.#guarded(() => this.#options.enumerator.stop());
  }

  attemptEnded(attemptId: string): void {
    const subtask = this.#readers.indexOf(attemptId);
    if (subtask < 0) return;
    this.#readers[subtask] = null;
    this.#tracker.take(attemptId);
  }

  /** Stays readable after the end. */
  progress(): EnumeratorProgress {
    if (this.#over) {
      return this.#progress ?? { discovered: 0, assigned: 0, discoveryComplete: false };
    }
    return this.#options.enumerator.progress();
  }

  close(): void {
    if (this.#over) return;
    this.#progress = this.#options.enumerator.progress();
    this.#over = true;
    // The job has ended: what closing throws changes nothing any more.
    settle(
      () => this.#options.enumerator.close(),
      () => {},
    );
  }

  #assign(subtask: number, splits: readonly unknown[]): void {
    const attemptId = this.#readers[subtask];
    if (this.#over || attemptId == null || splits.length === 0) return;
    this.#tracker.assigned(attemptId, splits);
    this.#options.sendToAttempt(attemptId, { kind: 'assign-splits', attemptId, splits });
  }

  #guarded(call: () => Promise<void> | void): void {
    if (this.#over) return;
    settle(call, (error) => this.#fail(error));
  }

  #fail(error: unknown): void {
    if (this.#over) return;
    this.close();
    const failure = toSluiceError(error, 'INTERNAL', {
      domain: 'internal',
      context: { node: this.operatorId },
    });
    this.#options.onFailure(serializeError(failure));
  }
}

/** Calls at once; what it throws, now or later, goes to `onError`. */
function settle(call: () => Promise<void> | void, onError: (error: unknown) => void): void {
  (async () => call())().catch(onError);
}
