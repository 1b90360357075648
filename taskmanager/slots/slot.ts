import {
  deserializeError,
  type SerializedError,
  SluiceError,
  serializeError,
} from '../../shared/errors/sluice-error.ts';
import type { TaskDeployment } from '../../shared/job-graph/task-deployment.ts';
import type { CancelTimer, Clock } from '../../shared/time/clock.ts';
import type { TaskStateUpdate } from '../task/task-environment.ts';
import type { CheckpointCommand, SlotCommand, SlotReport, ThreadEnd } from './slot-messages.ts';
import type { SlotThread, SlotThreadEvents } from './slot-thread.ts';

export interface SlotOptions {
  readonly index: number;
  readonly clock: Clock;
  readonly startThread: (events: SlotThreadEvents) => SlotThread;
  /**
   * Everything the slot's thread reports, and what is reported in its place when it is gone.
   * `reply` goes to the thread that reported, and nowhere where that has ended.
   */
  readonly onReport: (report: SlotReport, reply: (command: SlotCommand) => void) => void;
  readonly cancellationTimeoutMs: number;
}

/**
 * One slot, in the main thread: a worker thread, the attempts that run in it, and what must be said
 * for them when the thread ends unasked. After that the next deployment starts a new thread.
 */
export class Slot {
  readonly #options: SlotOptions;
  #thread: SlotThread | null = null;
  /** Attempts that have not ended; with the timer that runs since they were cancelled. */
  readonly #attempts = new Map<string, CancelTimer | null>();
  #onEnded: (() => void) | null = null;

  constructor(options: SlotOptions) {
    this.#options = options;
  }

  /** Starts the thread now rather than with the first deployment. */
  warmUp(): void {
    this.#running();
  }

  get attemptIds(): readonly string[] {
    return [...this.#attempts.keys()];
  }

  deploy(deployment: TaskDeployment): void {
    this.#attempts.set(deployment.attemptId, null);
    this.#running().post({ kind: 'deploy', deployment });
  }

  /** A task that does not end in time is ended with its thread. */
  cancel(attemptId: string): void {
    if (this.#attempts.get(attemptId) !== null) return;
    const { clock, cancellationTimeoutMs } = this.#options;
    const cancelTimer = clock.setTimer(cancellationTimeoutMs, () => this.#thread?.terminate());
    this.#attempts.set(attemptId, cancelTimer);
    this.#post({ kind: 'cancel', attemptId });
  }

  addSplits(attemptId: string, splits: readonly unknown[]): void {
    this.#post({ kind: 'splits', attemptId, splits });
  }

  noMoreSplits(attemptId: string): void {
    this.#post({ kind: 'no-more-splits', attemptId });
  }

  checkpoint(command: CheckpointCommand): void {
    this.#post(command);
  }

  /** Cancels what runs and ends the thread; by force after `timeoutMs`. */
  async stop(timeoutMs: number): Promise<void> {
    const thread = this.#thread;
    if (thread === null) return;
    await new Promise<void>((resolve) => {
      const cancelTimer = this.#options.clock.setTimer(timeoutMs, () => thread.terminate());
      this.#onEnded = () => {
        cancelTimer();
        resolve();
      };
      thread.post({ kind: 'stop' });
    });
  }

  #post(command: SlotCommand): void {
    this.#thread?.post(command);
  }

  #running(): SlotThread {
    if (this.#thread !== null) return this.#thread;
    const thread = this.#options.startThread({
      onReport: (report) =>
        this.#handleReport(report, (command) => {
          if (this.#thread === thread) thread.post(command);
        }),
      onEnd: (end) => this.#threadEnded(end),
    });
    this.#thread = thread;
    return thread;
  }

  #handleReport(report: SlotReport, reply: (command: SlotCommand) => void): void {
    if (report.kind === 'task-state') {
      const { attemptId, state } = report.update;
      // What was said for it already stays said.
      if (!this.#attempts.has(attemptId)) return;
      if (state === 'FINISHED' || state === 'CANCELED' || state === 'FAILED') {
        this.#attempts.get(attemptId)?.();
        this.#attempts.delete(attemptId);
      }
    }
    this.#options.onReport(report, reply);
  }

  #threadEnded(end: ThreadEnd): void {
    this.#thread = null;
    const error = threadEndedError(this.#options.index, end);
    for (const [attemptId, cancelTimer] of [...this.#attempts]) {
      cancelTimer?.();
      this.#attempts.delete(attemptId);
      const isCanceled = cancelTimer !== null;
      const update: TaskStateUpdate = {
        attemptId,
        state: isCanceled ? 'CANCELED' : 'FAILED',
        error: isCanceled ? null : error,
        metrics: null,
      };
      this.#options.onReport({ kind: 'task-state', update }, () => {});
    }
    this.#onEnded?.();
  }
}

function threadEndedError(index: number, end: ThreadEnd): SerializedError {
  const what = end === null ? 'was ended' : `ended: ${end.message}`;
  return serializeError(
    new SluiceError('TASK_FAILED', `the thread of slot ${index} ${what}`, {
      domain: 'internal',
      retry: 'restart-job',
      context: { slot: index },
      ...(end === null ? {} : { cause: deserializeError(end) }),
    }),
  );
}
