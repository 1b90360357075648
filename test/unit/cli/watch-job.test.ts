import assert from 'node:assert/strict';
import { test } from 'node:test';
import { watchJob } from '../../../cli/watch-job.ts';
import type { ErrorCode } from '../../../shared/errors/codes.ts';
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import type { RestClient } from '../../../shared/rest/rest-client.ts';
import type { JobDetail } from '../../../shared/rest/rest-types.ts';
import type { Clock } from '../../../shared/time/clock.ts';
import { jobDetail } from './job-details.ts';

/** Every timer fires at once, and time is what they waited for. */
class HastyClock implements Clock {
  #nowMs = 0;

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  setTimer(delayMs: number, callback: () => void): () => void {
    const timer = setImmediate(() => {
      this.#nowMs += delayMs;
      callback();
    });
    return () => clearImmediate(timer);
  }
}

/** Gives these answers one after the other, the last one for ever. */
function clientOf(...answers: readonly (JobDetail | ErrorCode)[]): RestClient {
  const rest = [...answers];
  return {
    async job(): Promise<JobDetail> {
      const answer = (rest.length > 1 ? rest.shift() : rest[0]) as JobDetail | ErrorCode;
      if (typeof answer !== 'string') return answer;
      throw new SluiceError(answer, answer, { domain: 'external' });
    },
  } as unknown as RestClient;
}

const RUNNING = jobDetail({ state: 'RUNNING' });
const FINISHED = jobDetail({ state: 'FINISHED' });

const watch = (client: RestClient, reconnect?: () => Promise<RestClient>) =>
  watchJob({
    client,
    ...(reconnect === undefined ? {} : { reconnect }),
    jobId: FINISHED.id,
    clock: new HastyClock(),
    progress: false,
    onInterrupt: 'detach',
  });

test('when the job manager is lost for a while, then the one that leads by then is asked', async () => {
  const successors = [
    clientOf('NETWORK_UNREACHABLE'),
    clientOf('NOT_LEADER'),
    clientOf('JOB_NOT_FOUND', FINISHED),
  ];
  const { job, reason } = await watch(clientOf(RUNNING, 'NETWORK_UNREACHABLE'), async () => {
    const next = successors.length > 1 ? successors.shift() : successors[0];
    return next as RestClient;
  });
  assert.deepEqual([job.state, reason], ['FINISHED', 'ended']);
});

test('when it does not come back, then the watch ends with the reason', async () => {
  const gone = clientOf(RUNNING, 'NETWORK_UNREACHABLE');
  await assert.rejects(
    watch(gone, async () => gone),
    { code: 'NETWORK_UNREACHABLE' },
  );
});

test('when the next job manager does not know the job, then the watch ends soon', async () => {
  const forgetful = clientOf('JOB_NOT_FOUND');
  await assert.rejects(
    watch(clientOf(RUNNING, 'NETWORK_UNREACHABLE'), async () => forgetful),
    { code: 'JOB_NOT_FOUND' },
  );
});

test('when nothing was lost, then an unknown job is no reason to wait', async () => {
  const client = clientOf('JOB_NOT_FOUND');
  await assert.rejects(
    watch(client, async () => client),
    { code: 'JOB_NOT_FOUND' },
  );
});
