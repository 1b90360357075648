import process from 'node:process';
import type { ErrorCode } from '../shared/errors/codes.ts';
import { SluiceError } from '../shared/errors/sluice-error.ts';
import type { RestClient } from '../shared/rest/rest-client.ts';
import type { JobDetail } from '../shared/rest/rest-types.ts';
import { type Clock, sleep } from '../shared/time/clock.ts';
import { ProgressBar } from './output/progress-bar.ts';

const POLL_MS = 200;
/** So long a job manager that has answered may be away: another one goes on, or it is started again. */
const AWAY_MS_MAX = 30_000;

export interface WatchOptions {
  readonly client: RestClient;
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
  const { client, clock, jobId } = options;
  const bar = new ProgressBar({ enabled: options.progress });
  let lastHeardAtMs: number | null = null;
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
      const job = await askPatiently(options, lastHeardAtMs);
      if (job === null) {
        await sleep(clock, POLL_MS);
        continue;
      }
      lastHeardAtMs = clock.monotonicMs();
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

/** Null where the job manager that answered before does not just now. */
async function askPatiently(
  { client, jobId, clock }: WatchOptions,
  lastHeardAtMs: number | null,
): Promise<JobDetail | null> {
  try {
    return await client.job(jobId);
  } catch (error) {
    const isAway = error instanceof SluiceError && AWAY_CODES.has(error.code);
    if (!isAway || lastHeardAtMs === null) throw error;
    if (clock.monotonicMs() - lastHeardAtMs > AWAY_MS_MAX) throw error;
    return null;
  }
}

const AWAY_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'NETWORK_UNREACHABLE',
  'NETWORK_TIMEOUT',
  'NOT_LEADER',
]);
