import process from 'node:process';
import { SluiceError } from '../shared/errors/sluice-error.ts';
import type { RestClient } from '../shared/rest/rest-client.ts';
import type { JobDetail } from '../shared/rest/rest-types.ts';
import { type Clock, sleep } from '../shared/time/clock.ts';
import { ProgressBar } from './output/progress-bar.ts';

const POLL_MS = 200;
/** So long the job manager may be away. */
const OUTAGE_MAX_MS = 60_000;
const RECOVERY_MAX_MS = 15_000;
const OUTAGE_CODES: ReadonlySet<string> = new Set([
  'NETWORK_UNREACHABLE',
  'NETWORK_TIMEOUT',
  'NOT_LEADER',
  'LEADERSHIP_LOST',
]);

export interface WatchOptions {
  readonly client: RestClient;
  /** Another client after the job manager was lost: of the one that leads now. Default: the same. */
  readonly reconnect?: () => Promise<RestClient>;
  readonly jobId: string;
  readonly clock: Clock;
  readonly progress: boolean;
  /** What Ctrl-C does: `run` stops the job; `submit` only stops watching. */
  readonly onInterrupt: 'stop-job' | 'detach';
}

export interface WatchedJob {
  readonly job: JobDetail;
  /** Why the watch ended. */
  readonly reason: 'ended' | 'detached' | 'abandoned';
}

export function hasEnded(job: Pick<JobDetail, 'state'>): boolean {
  return job.state === 'FINISHED' || job.state === 'FAILED' || job.state === 'CANCELED';
}

/**
 * Shows a job's progress until it ends. With `stop-job` the first Ctrl-C (or SIGTERM) lets the job
 * finish what is in flight, the second cancels it.
 */
export async function watchJob(options: WatchOptions): Promise<WatchedJob> {
  const { clock, jobId } = options;
  const poll = new PersistentPoll(options);
  const bar = new ProgressBar({ enabled: options.progress });
  let interrupts = 0;
  const onSignal = (): void => {
    interrupts += 1;
    bar.clear();
    if (options.onInterrupt === 'detach') return;
    const isFirst = interrupts === 1;
    process.stderr.write(
      isFirst
        ? 'stopping: finishing what is in flight (again to abandon it)\n'
        : 'abandoning what is in flight\n',
    );
    const { client } = poll;
    const request = isFirst ? client.stopJob(jobId) : client.cancelJob(jobId);
    // The job may have ended by itself in this moment; the next poll tells.
    request.catch(() => {});
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  // Whoever read what the job prints has seen enough (`| head`).
  const onClosedOutput = (): void => {
    if (interrupts === 0) onSignal();
  };
  process.stdout.on('error', onClosedOutput);
  try {
    for (;;) {
      const job = await poll.next(() => bar.clear());
      if (job === null) {
        await sleep(clock, POLL_MS);
        continue;
      }
      if (hasEnded(job)) return { job, reason: interrupts > 1 ? 'abandoned' : 'ended' };
      if (interrupts > 0 && options.onInterrupt === 'detach') return { job, reason: 'detached' };
      bar.update(job, clock.nowMs());
      await sleep(clock, POLL_MS);
    }
  } finally {
    bar.clear();
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
    process.stdout.off('error', onClosedOutput);
  }
}

/** Asks for a job for as long as a job manager may come back: a leader that dies is no job's end. */
class PersistentPoll {
  client: RestClient;
  readonly #options: WatchOptions;
  #lastAnswerAtMs: number;
  #isLost = false;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.client = options.client;
    this.#lastAnswerAtMs = options.clock.monotonicMs();
  }

  /** Null while no job manager answers; `onLost` is called before that is told, once. */
  async next(onLost: () => void): Promise<JobDetail | null> {
    const { clock, jobId, reconnect } = this.#options;
    try {
      if (this.#isLost && reconnect !== undefined) this.client = await reconnect();
      const job = await this.client.job(jobId);
      this.#lastAnswerAtMs = clock.monotonicMs();
      this.#isLost = false;
      return job;
    } catch (error) {
      const silentMs = clock.monotonicMs() - this.#lastAnswerAtMs;
      if (reconnect === undefined || !this.#mayPass(error, silentMs)) throw error;
      if (!this.#isLost) {
        onLost();
        const seconds = OUTAGE_MAX_MS / 1000;
        process.stderr.write(`the job manager does not answer; trying for ${seconds} s\n`);
      }
      this.#isLost = true;
      return null;
    }
  }

  #mayPass(error: unknown, silentMs: number): boolean {
    if (!(error instanceof SluiceError)) return false;
    // One that has just begun to lead may not have read its jobs yet.
    if (error.code === 'JOB_NOT_FOUND') return this.#isLost && silentMs < RECOVERY_MAX_MS;
    return OUTAGE_CODES.has(error.code) && silentMs < OUTAGE_MAX_MS;
  }
}
