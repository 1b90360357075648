/** What REST makes of checkpoints, savepoints and plans; the dispatcher behind it is a fake. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { Registry } from 'prom-client';
import type {
  JobControl,
  SavepointTarget,
  SubmitOptions,
} from '../../../jobmanager/rest/job-control.ts';
import { RestServer } from '../../../jobmanager/rest/rest-server.ts';
import { CHECKPOINT_DEFAULTS } from '../../../shared/checkpoint/checkpoint-settings.ts';
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import { silentLogger } from '../../../shared/observability/logger.ts';
import { RestClient } from '../../../shared/rest/rest-client.ts';
import type { JobCheckpointsDetail, JobPlan } from '../../../shared/rest/rest-types.ts';
import { systemClock } from '../../../shared/time/system-clock.ts';
import { pipeline, sourceVertex } from '../../support/jobmanager/job-graphs.ts';
import { jobDetail } from '../../unit/cli/job-details.ts';

const CHECKPOINTS: JobCheckpointsDetail = {
  settings: CHECKPOINT_DEFAULTS,
  counts: { completed: 1, failed: 0, inProgress: 0 },
  latest: null,
  inProgress: null,
  history: [],
};
const PLAN: JobPlan = { id: 'a1', name: 'photos', state: 'RUNNING', nodes: [] };

class FakeJobs implements JobControl {
  readonly submitted: SubmitOptions[] = [];
  readonly savepoints: [kind: string, jobId: string, directory: string | null][] = [];

  async submit(_jobGraph: unknown, options: SubmitOptions): Promise<string> {
    this.submitted.push(options);
    return 'a1';
  }

  resumable() {
    return null;
  }

  list() {
    return [];
  }

  detail() {
    return jobDetail();
  }

  plan(): JobPlan {
    return PLAN;
  }

  checkpoints(): JobCheckpointsDetail {
    return CHECKPOINTS;
  }

  cancel() {
    return jobDetail();
  }

  stop() {
    return jobDetail({ state: 'STOPPING' });
  }

  async savepoint(jobId: string, { directory }: SavepointTarget): Promise<string> {
    if (jobId === 'ended') {
      throw new SluiceError('JOB_STATE', 'job ended has ended', { domain: 'user' });
    }
    this.savepoints.push(['savepoint', jobId, directory]);
    return `${directory ?? 'file:///storage/savepoints'}/savepoint-${jobId}-7`;
  }

  async stopWithSavepoint(jobId: string, { directory }: SavepointTarget): Promise<string> {
    this.savepoints.push(['stop', jobId, directory]);
    return `${directory ?? 'file:///storage/savepoints'}/savepoint-${jobId}-8`;
  }

  stateCounts() {
    return {};
  }
}

const jobs = new FakeJobs();
let server: RestServer;
let client: RestClient;
let address: string;

before(async () => {
  server = new RestServer({
    host: '127.0.0.1',
    port: 0,
    logger: silentLogger,
    handlers: {
      leading: () => ({
        dispatcher: jobs,
        resourceManager: {} as never,
      }),
      metrics: new Registry(),
      health: () => ({ status: 'ok', role: 'leader', leader: null }),
      compile: async () => ({
        kind: 'compiled',
        jobGraph: pipeline([sourceVertex('read')], 'x'),
        warnings: [],
      }),
      clock: systemClock,
      version: '0',
      jobManagerId: 'jm',
      startedAtMs: 0,
      options: {},
      log: null,
    },
  });
  address = `http://127.0.0.1:${await server.listen()}`;
  client = new RestClient(address);
});
beforeEach(() => {
  jobs.submitted.length = 0;
  jobs.savepoints.length = 0;
});
after(() => server.close());

const REQUEST = { pipeline: 'x', fileName: 'p.yaml', baseDirectory: '/', parameters: {} };

test('when a job starts from a savepoint, then the dispatcher is told which', async () => {
  await client.submitJob(REQUEST);
  const restoreFrom = 's3://bucket/savepoints/savepoint-a1-7';
  await client.submitJob({ ...REQUEST, restoreFrom, allowDroppedState: true });
  assert.deepEqual(jobs.submitted, [{}, { restoreFrom, allowDroppedState: true }]);
});

test('when a savepoint is made, then its folder comes back once it is there', async () => {
  assert.deepEqual(await client.savepoint('a1'), {
    path: 'file:///storage/savepoints/savepoint-a1-7',
  });
  const inBucket = await client.savepoint('a1', { directory: 's3://bucket/saved' });
  assert.deepEqual(inBucket, { path: 's3://bucket/saved/savepoint-a1-7' });
  assert.deepEqual(jobs.savepoints, [
    ['savepoint', 'a1', null],
    ['savepoint', 'a1', 's3://bucket/saved'],
  ]);
});

test('when a job stops with a savepoint, then that is not the stop with drain', async () => {
  const answer = await client.stopWithSavepoint('a1', { directory: 'file:///saved' });
  assert.deepEqual(answer, { path: 'file:///saved/savepoint-a1-8' });
  assert.deepEqual(jobs.savepoints, [['stop', 'a1', 'file:///saved']]);
  assert.equal((await client.stopJob('a1')).state, 'STOPPING');
  assert.equal(jobs.savepoints.length, 1);
});

test('when checkpoints and the plan are asked for, then they come as the dispatcher has them', async () => {
  assert.deepEqual(await client.checkpoints('a1'), CHECKPOINTS);
  assert.deepEqual(await client.plan('a1'), PLAN);
});

test('when the job has ended, then a savepoint is refused as a conflict', async () => {
  await assert.rejects(client.savepoint('ended'), { code: 'JOB_STATE', domain: 'user' });
});

const REFUSED: Readonly<Record<string, [path: string, body: object, detail: RegExp]>> = {
  'a directory is no URI': ['savepoints', { directory: './here' }, /cannot be used: it is no URI/],
  'a directory comes without a savepoint': ['stop', { directory: 'file:///x' }, /savepoint too/],
  'a field is unknown': ['savepoints', { folder: 'file:///x' }, /folder/],
  'a field has another type': ['stop', { savepoint: 'yes' }, /"savepoint" of the request/],
};

for (const [when, [path, body, detail]] of Object.entries(REFUSED)) {
  test(`when ${when}, then the request is refused and nothing happens`, async () => {
    const response = await fetch(`${address}/v1/jobs/a1/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const problem = (await response.json()) as { code: string; detail: string };
    assert.deepEqual([response.status, problem.code], [400, 'ARGUMENT_INVALID']);
    assert.match(problem.detail, detail);
    assert.deepEqual(jobs.savepoints, []);
  });
}
