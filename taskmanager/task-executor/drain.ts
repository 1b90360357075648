import type { Logger } from '../../shared/observability/logger.ts';
import type { CancelTimer, Clock } from '../../shared/time/clock.ts';

export interface DrainOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long its tasks may take to move elsewhere; 0: they are not waited for. */
  readonly timeoutMs: number;
  readonly hasTasks: () => boolean;
  /** Asks the job manager; false where none can be asked. */
  readonly ask: () => boolean;
}

/** A job manager that does not answer, or is gone, is waited for so long. */
const JOB_MANAGER_SILENT_MS = 5_000;

/**
 * What a task manager knows of its own draining: whether it does (it tells every job manager that it
 * registers with), and when it may leave. Single-threaded.
 */
export class Drain {
  readonly #options: DrainOptions;
  #begun = false;
  #end: (() => void) | null = null;
  #cancelSilence: CancelTimer = () => {};

  constructor(options: DrainOptions) {
    this.#options = options;
  }

  /** Nothing new is to be deployed here. */
  get begun(): boolean {
    return this.#begun;
  }

  /** From the job manager. */
  onState(drained: boolean): void {
    const { logger } = this.#options;
    if (!this.#begun) logger.info({}, 'this task manager drains: it gets no new tasks');
    this.#begun = true;
    this.#cancelSilence();
    if (drained) this.#leave('this task manager has drained');
  }

  /** There is no job manager; the next one hears of the draining when this one registers. */
  onLost(): void {
    if (this.#end !== null) this.#expectJobManager();
  }

  /**
   * Resolves when the tasks run elsewhere, when they took too long, or at once where there are none, or
   * nobody who could move them.
   */
  async untilDrained(): Promise<void> {
    const { clock, logger, timeoutMs, hasTasks, ask } = this.#options;
    if (timeoutMs === 0 || !hasTasks()) return;
    if (!ask()) return;
    this.#begun = true;
    logger.info({ timeoutMs }, 'waits until its tasks have moved to other task managers');
    await new Promise<void>((resolve) => {
      const cancelTimer = clock.setTimer(timeoutMs, () => {
        this.#leave('its tasks have not moved in time');
      });
      this.#end = () => {
        cancelTimer();
        this.#cancelSilence();
        this.#end = null;
        resolve();
      };
      this.#expectJobManager();
    });
  }

  #expectJobManager(): void {
    const { clock } = this.#options;
    this.#cancelSilence();
    this.#cancelSilence = clock.setTimer(JOB_MANAGER_SILENT_MS, () =>
      this.#leave('no job manager answers'),
    );
  }

  #leave(why: string): void {
    if (this.#end === null) return;
    this.#options.logger.info({}, `leaves: ${why}`);
    this.#end();
  }
}
