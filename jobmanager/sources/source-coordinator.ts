import { invariant } from '../../shared/errors/invariant.ts';
import {
  type SerializedError,
  SluiceError,
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
  /** Only where readers can be started again; see {@link SourceCoordinator.subtaskReset}. */
  readonly tracking?: {
    /** `trackingComplete` changed: it is false while too many splits were assigned to keep them. */
    readonly onChanged: () => void;
  };
}

/** A reader that runs when its coordinator starts, and what it was assigned by another one. */
export interface RunningReader {
  readonly attemptId: string;
  /** Since the checkpoint that the enumerator goes on from. */
  readonly splits: readonly unknown[];
  /** Asked for, and not got. */
  readonly splitsWanted: number;
}

/** What the enumerator goes on from; null: from the beginning. */
export type RestoredEnumerator = { readonly state: unknown } | null;

/** Splits that one request can get; a reader that wants more asks again. */
const SPLITS_PER_REQUEST_MAX = 1_024;

/**
 * The job manager's end of one source (FLIP-27's SourceCoordinator): runs the enumerator, passes the
 * readers' requests to it and its answers to the readers, by attempt. It outlives the attempts: a
 * reader that is started again gets back what it lost, and the enumerator goes on. Whatever the
 * enumerator throws fails the job, never the job manager. Single-threaded.
 */
export class SourceCoordinator {
  readonly operatorId: string;
  readonly #options: SourceCoordinatorOptions;
  readonly #tracker: SplitAssignmentTracker | null;
  #trackingComplete = true;
  /** Attempt ids of the readers that still run, by subtask. */
  readonly #readers: (string | null)[];
  /** Requests that came before the start, by subtask: the state may still be on its way. */
  readonly #early = new Map<number, number>();
  #progress: EnumeratorProgress | null = null;
  #started = false;
  #stopped = false;
  #over = false;

  constructor(options: SourceCoordinatorOptions) {
    this.operatorId = options.operatorId;
    this.#options = options;
    this.#tracker = options.tracking === undefined ? null : new SplitAssignmentTracker();
    this.#readers = [...options.attemptIds];
  }

  /** `adopted`: attempts that run already; those of other sources, or ended by now, are left out. */
  start(restored: RestoredEnumerator = null, adopted: readonly RunningReader[] = []): void {
    const { enumerator } = this.#options;
    const readers = adopted.filter(({ attemptId }) => this.#readers.includes(attemptId));
    this.#guarded(() => {
      if (restored !== null) enumerator.restoreState?.(restored.state);
      this.#markAssigned(readers);
      this.#started = true;
      return enumerator.start({
        parallelism: this.#readers.length,
        assignSplits: (subtask, splits) => this.#assign(subtask, splits),
        signalNoMoreSplits: (subtask) => {
          const attemptId = this.#readers[subtask];
          if (this.#over || attemptId == null) return;
          this.#options.sendToAttempt(attemptId, { kind: 'no-more-splits', attemptId });
        },
        fail: (error) => this.#fail(error),
      });
    });
    if (this.#stopped) this.#guarded(() => enumerator.stop());
    for (const [subtask, count] of this.#early) {
      this.#guarded(() => enumerator.handleSplitRequest(subtask, count));
    }
    this.#early.clear();
    for (const { attemptId, splitsWanted } of readers) {
      this.handleSplitRequest(attemptId, splitsWanted);
    }
  }

  #markAssigned(readers: readonly RunningReader[]): void {
    const splits = readers.flatMap((reader) => reader.splits);
    if (splits.length === 0) return;
    const { enumerator } = this.#options;
    invariant(enumerator.markAssigned !== undefined, 'an enumerator can go on with its readers');
    enumerator.markAssigned(splits);
    for (const { attemptId, splits: own } of readers) {
      this.#tracker?.assigned(this.#readers.indexOf(attemptId), own);
    }
    this.#noteTracking();
  }

  /** From attempts that no longer run, or never did: nothing happens. */
  handleSplitRequest(attemptId: string, count: number): void {
    const subtask = this.#readers.indexOf(attemptId);
    if (subtask < 0 || count < 1) return;
    const bounded = Math.min(count, SPLITS_PER_REQUEST_MAX);
    if (this.#started) {
      this.#guarded(() => this.#options.enumerator.handleSplitRequest(subtask, bounded));
    } else {
      const early = (this.#early.get(subtask) ?? 0) + bounded;
      this.#early.set(subtask, Math.min(early, SPLITS_PER_REQUEST_MAX));
    }
  }

  /** Drain: what was found is still handed out. */
  stop(): void {
    this.#stopped = true;
    if (this.#started) this.#guarded(() => this.#options.enumerator.stop());
  }

  attemptEnded(attemptId: string): void {
    const subtask = this.#readers.indexOf(attemptId);
    if (subtask < 0) return;
    this.#readers[subtask] = null;
    this.#early.delete(subtask);
  }

  /**
   * A new attempt takes the subtask's place, restored from the latest completed checkpoint: what the
   * old one was assigned since then goes back to the enumerator. Call it when the new attempt has been
   * deployed, for messages to it may follow at once.
   */
  subtaskReset(subtask: number, attemptId: string): void {
    this.#readers[subtask] = attemptId;
    this.#early.delete(subtask);
    const splits = this.#tracker?.takeBack(subtask) ?? [];
    if (this.#started) this.#guarded(() => this.#options.enumerator.addSplitsBack(splits, subtask));
  }

  // Checkpoints

  /**
   * The enumerator's state; from here on splits belong to the next checkpoint. Throws what the
   * enumerator throws, and CANCELLED while there is no state to take.
   */
  snapshotState(checkpointId: number): unknown {
    if (!this.#started || this.#over) {
      throw new SluiceError('CANCELLED', `the source ${this.operatorId} does not run`, {
        domain: 'external',
        retry: 'backoff',
        context: { node: this.operatorId },
      });
    }
    const state = this.#options.enumerator.snapshotState(checkpointId);
    this.#tracker?.snapshot(checkpointId);
    return state;
  }

  checkpointComplete(checkpointId: number): void {
    this.#tracker?.checkpointComplete(checkpointId);
    this.#noteTracking();
  }

  /** Its epoch joins the next one. */
  checkpointAborted(): void {}

  /** Whether readers can be started again singly; never after the enumerator's end. */
  get trackingComplete(): boolean {
    return this.#trackingComplete && !this.#over;
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
    if (this.#over || splits.length === 0) return;
    // Also where the reader has ended just now: its next attempt gives them back.
    this.#tracker?.assigned(subtask, splits);
    this.#noteTracking();
    const attemptId = this.#readers[subtask];
    if (attemptId == null) return;
    this.#options.sendToAttempt(attemptId, { kind: 'assign-splits', attemptId, splits });
  }

  #noteTracking(): void {
    const complete = this.#tracker?.complete ?? true;
    if (complete === this.#trackingComplete) return;
    this.#trackingComplete = complete;
    this.#options.tracking?.onChanged();
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
