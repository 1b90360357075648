import { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { JobState } from '../../shared/job-graph/states.ts';
import type { SavepointRequest } from './checkpoint-port.ts';

interface Pending {
  readonly directory: string | null;
  /** Of the savepoint that completed; the tasks end now. */
  path: string | null;
  readonly resolve: (path: string) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A stop with a savepoint. It answers when the job has ended, and with the savepoint that it ended
 * with: where a task is lost between the savepoint and the end, the job starts again and goes on for a
 * moment, so that another savepoint has to take the first one's place. Single-threaded.
 */
export class Suspension {
  readonly #savepoint: (request: SavepointRequest) => Promise<string>;
  #pending: Pending | null = null;

  constructor(savepoint: (request: SavepointRequest) => Promise<string>) {
    this.#savepoint = savepoint;
  }

  /** Rejects with JOB_STATE where one is under way, or the job ends without it. */
  request(directory: string | null): Promise<string> {
    if (this.#pending !== null) {
      return Promise.reject(
        new SluiceError('JOB_STATE', 'the job is being stopped with a savepoint already', {
          domain: 'user',
        }),
      );
    }
    return new Promise((resolve, reject) => {
      this.#pending = { directory, path: null, resolve, reject };
      this.#take(this.#pending);
    });
  }

  /** All tasks of the job run, maybe after a restart. */
  onRunning(): void {
    if (this.#pending !== null && this.#pending.path !== null) this.#take(this.#pending);
  }

  onEnded(state: JobState): void {
    const pending = this.#pending;
    this.#pending = null;
    if (pending === null) return;
    if (state === 'FINISHED' && pending.path !== null) {
      pending.resolve(pending.path);
      return;
    }
    const message = `the job ended before it was stopped with a savepoint: it is ${state}`;
    pending.reject(new SluiceError('JOB_STATE', message, { domain: 'external' }));
  }

  #take(pending: Pending): void {
    this.#savepoint({ directory: pending.directory, purpose: 'suspend' }).then(
      (path) => {
        pending.path = path;
      },
      (error: unknown) => {
        // After a first one the next attempt follows as soon as all tasks run again.
        if (this.#pending !== pending || pending.path !== null) return;
        this.#pending = null;
        pending.reject(error);
      },
    );
  }
}
