import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { type RunningJobManager, startJobManager } from '../../../jobmanager/main.ts';
import type { SerializedError } from '../../../shared/errors/sluice-error.ts';
import type { JobGraph } from '../../../shared/job-graph/job-graph.ts';
import { silentLogger } from '../../../shared/observability/logger.ts';
import { RestClient } from '../../../shared/rest/rest-client.ts';
import type { JobDetail } from '../../../shared/rest/rest-types.ts';
import { eventually } from '../../support/eventually.ts';
import { pipeline, sinkVertex, sourceVertex } from '../../support/jobmanager/job-graphs.ts';
import { FakeTaskManager, subtaskMetrics } from './fake-task-manager.ts';

const SUBMISSION = {
  pipeline: 'name: test',
  fileName: 'test.yaml',
  baseDirectory: '/somewhere',
  parameters: {},
};

let running: RunningJobManager | null = null;
const fakes: FakeTaskManager[] = [];

afterEach(async () => {
  for (const fake of fakes.splice(0)) fake.kill();
  await running?.stop();
  running = null;
});

async function start(
  jobGraph: JobGraph,
  options: Partial<Parameters<typeof startJobManager>[0]> = {},
): Promise<{ jobManager: RunningJobManager; client: RestClient }> {
  const jobManager = await startJobManager({
    host: '127.0.0.1',
    rpcPort: 0,
    restPort: 0,
    stabilisationMs: 20,
    shutdownTimeoutMs: 300,
    fileSystemOptions: {},
    logger: silentLogger,
    compile: async () => ({ kind: 'compiled', jobGraph, warnings: [] }),
    ...options,
  });
  running = jobManager;
  return { jobManager, client: new RestClient(jobManager.restAddress) };
}

function connect(
  jobManager: RunningJobManager,
  options: ConstructorParameters<typeof FakeTaskManager>[1],
): FakeTaskManager {
  const fake = new FakeTaskManager(jobManager.rpcAddress, options);
  fakes.push(fake);
  return fake;
}

async function submit(client: RestClient): Promise<string> {
  const outcome = await client.submitJob(SUBMISSION);
  assert.equal(outcome.kind, 'submitted');
  return outcome.kind === 'submitted' ? outcome.id : '';
}

function untilState(client: RestClient, id: string, state: string): Promise<JobDetail> {
  return eventually(
    async () => {
      const job = await client.job(id);
      return job.state === state ? job : null;
    },
    { message: `the job did not become ${state}` },
  );
}

const GRAPH = pipeline([sourceVertex('generate', { count: 500_000 }), sinkVertex('drop')]);

test('when the tasks run and finish, then the job is deployed, measured and finished', async () => {
  const { jobManager, client } = await start(GRAPH);
  const left = connect(jobManager, { id: 'tm-left' });
  const right = connect(jobManager, { id: 'tm-right' });
  assert.equal((await left.next('registered')).heartbeatTimeoutMs, 5_000);
  await right.next('registered');
  const id = await submit(client);

  const deployments = [
    ...(await left.deployments(2)).map((deployment) => ({ fake: left, deployment })),
    ...(await right.deployments(2)).map((deployment) => ({ fake: right, deployment })),
  ];
  const sink = deployments.find(({ deployment }) => deployment.vertexId === 'drop');
  assert.deepEqual(
    sink?.deployment.inputs[0]?.channels.map(({ producer }) => producer.taskManagerId).toSorted(),
    ['tm-left', 'tm-right'],
  );
  for (const { fake, deployment } of deployments) {
    fake.state(deployment.attemptId, 'INITIALIZING');
    fake.state(deployment.attemptId, 'RUNNING');
  }
  await eventually(async () => (await client.job(id)).tasks.RUNNING === 4);

  for (const { fake, deployment } of deployments) {
    if (deployment.vertexId !== 'generate') continue;
    fake.send({ kind: 'split-request', attemptId: deployment.attemptId, count: 2 });
  }
  const received = (kind: string) =>
    [...left.received, ...right.received].filter((message) => message.kind === kind);
  await eventually(() => received('no-more-splits').length === 1);
  assert.deepEqual(
    received('assign-splits').map((message) => 'splits' in message && message.splits),
    [
      [
        { from: 0, to: 250_000 },
        { from: 250_000, to: 500_000 },
      ],
    ],
  );

  for (const { fake, deployment } of deployments) {
    const { attemptId, vertexId } = deployment;
    const operators =
      vertexId === 'generate'
        ? [{ operatorId: 'generate', recordsOut: 100 }]
        : [
            { operatorId: 'drop', recordsIn: 98, recordsRejected: 2 },
            { operatorId: 'drop-rejected', recordsIn: 2 },
          ];
    fake.heartbeat([subtaskMetrics(attemptId, operators, { recordsOut: 100 })]);
    await fake.next('heartbeat-reply');
  }
  const live = await client.job(id);
  assert.equal(live.state, 'RUNNING');
  assert.equal(live.progress.recordsRead, 200);
  assert.deepEqual(live.progress.recordsWritten, { drop: 196 });
  assert.equal(live.progress.recordsRejected, 4);
  assert.deepEqual([live.progress.splitsDiscovered, live.progress.discoveryComplete], [2, true]);
  assert.ok(live.progress.recordsPerSecond > 0);
  assert.ok(live.progress.latencyP99Ms > 0);
  assert.equal(live.vertices[0]?.subtasks[0]?.busy, 0.6);

  for (const { fake, deployment } of deployments) {
    const { attemptId, vertexId } = deployment;
    const metrics =
      vertexId === 'generate'
        ? subtaskMetrics(attemptId, [{ operatorId: 'generate', recordsOut: 250 }])
        : subtaskMetrics(attemptId, [{ operatorId: 'drop', recordsIn: 250 }]);
    fake.state(attemptId, 'FINISHED', { metrics });
  }
  const ended = await untilState(client, id, 'FINISHED');
  assert.equal(ended.progress.recordsRead, 500);
  assert.deepEqual(ended.progress.recordsWritten, { drop: 500 });
  assert.equal(ended.failure, null);
  assert.deepEqual((await client.cluster()).slots, { total: 2, free: 2 });
  assert.equal((await client.job(id.slice(0, 6))).id, id);

  const page = await (await fetch(`${jobManager.restAddress}/metrics`)).text();
  const lines = page
    .split('\n')
    .filter((line) => line.includes('sluice_') && !/nodejs/u.test(line));
  const has = (pattern: RegExp) =>
    assert.ok(
      lines.some((line) => pattern.test(line)),
      `${pattern}`,
    );
  has(/^sluice_operator_records_in_total\{.*operator="drop".*\} 500$/u);
  has(/^# TYPE sluice_end_to_end_latency_seconds histogram$/u);
  has(/^sluice_end_to_end_latency_seconds_bucket\{.*le="\+Inf".*operator="drop".*\} 500$/u);
  has(/^sluice_end_to_end_latency_seconds_count\{.*operator="drop".*\} 500$/u);
  has(/^sluice_jobs\{state="FINISHED".*\} 1$/u);
  has(/^sluice_task_manager_heartbeat_age_seconds\{task_manager="tm-left".*\} \d/u);
});

test('when a task fails, then the job names it, and not the peers that it broke', async () => {
  const { jobManager, client } = await start(GRAPH);
  const left = connect(jobManager, { id: 'tm-left' });
  const right = connect(jobManager, { id: 'tm-right' });
  await Promise.all([left.next('registered'), right.next('registered')]);
  const id = await submit(client);
  const onLeft = await left.deployments(2);
  const onRight = await right.deployments(2);
  for (const { attemptId } of onLeft) left.state(attemptId, 'RUNNING');
  for (const { attemptId } of onRight) right.state(attemptId, 'RUNNING');
  await eventually(async () => (await client.job(id)).tasks.RUNNING === 4);

  const closed = failure('NETWORK_CLOSED', 'the connection to tm-right was closed');
  left.state(onLeft[1]!.attemptId, 'FAILED', { error: closed });
  await right.next('cancel-task');
  const full = failure('STORAGE_UNAVAILABLE', 'no space left on the bucket');
  right.state(onRight[1]!.attemptId, 'FAILED', { error: full });
  left.state(onLeft[0]!.attemptId, 'CANCELED');
  right.state(onRight[0]!.attemptId, 'CANCELED');

  const job = await untilState(client, id, 'FAILED');
  assert.equal(job.failure?.error.message, 'no space left on the bucket');
  assert.equal(job.failure?.error.code, 'STORAGE_UNAVAILABLE');
  assert.equal(job.failure?.vertexId, 'drop');
  assert.equal(job.failure?.vertexName, 'drop → drop-rejected');
  assert.equal(job.failure?.subtask, 1);
  assert.equal(job.failure?.taskManagerId, 'tm-right');
});

test('when a task manager vanishes, then its jobs fail with its name and its slots go', async () => {
  const { jobManager, client } = await start(GRAPH);
  const left = connect(jobManager, { id: 'tm-left' });
  const right = connect(jobManager, { id: 'tm-right' });
  await Promise.all([left.next('registered'), right.next('registered')]);
  const id = await submit(client);
  const onLeft = await left.deployments(2);
  await right.deployments(2);
  right.kill();
  await left.next('cancel-task');
  await left.next('cancel-task');
  for (const { attemptId } of onLeft) left.state(attemptId, 'CANCELED');

  const job = await untilState(client, id, 'FAILED');
  assert.equal(job.failure?.error.code, 'TASK_MANAGER_LOST');
  assert.match(job.failure?.error.message ?? '', /tm-right on host-of-tm-right was lost/u);
  assert.equal(job.failure?.taskManagerId, 'tm-right');
  assert.deepEqual((await client.cluster()).slots, { total: 1, free: 1 });
  assert.deepEqual(
    (await client.taskManagers()).map((taskManager) => taskManager.id),
    ['tm-left'],
  );
});

test('when a task manager is silent, then it is lost by its heartbeats', async () => {
  const { jobManager, client } = await start(GRAPH, {
    heartbeatIntervalMs: 40,
    heartbeatTimeoutMs: 200,
  });
  const silent = connect(jobManager, { id: 'tm-silent' });
  await silent.next('registered');
  const id = await submit(client);
  await silent.deployments(2);
  const job = await untilState(client, id, 'FAILED');
  assert.match(job.failure?.error.message ?? '', /no heartbeat for 0.2 s/u);
  await eventually(() => silent.ended, { message: 'its stream was not ended' });
});

test('when a job is cancelled or stopped, then its tasks are told what to do', async () => {
  const { jobManager, client } = await start(pipeline([sourceVertex('endless')]));
  const fake = connect(jobManager, { id: 'tm' });
  await fake.next('registered');

  const cancelled = await submit(client);
  const [task] = await fake.deployments(1);
  fake.state(task!.attemptId, 'RUNNING');
  assert.equal((await client.cancelJob(cancelled)).state, 'CANCELLING');
  assert.equal((await fake.next('cancel-task')).attemptId, task!.attemptId);
  fake.state(task!.attemptId, 'CANCELED');
  await untilState(client, cancelled, 'CANCELED');
  await assert.rejects(client.cancelJob(cancelled), { code: 'JOB_STATE' });

  const stopped = await submit(client);
  const [drained] = await fake.deployments(1);
  fake.state(drained!.attemptId, 'RUNNING');
  await eventually(async () => (await client.job(stopped)).tasks.RUNNING === 1);
  assert.equal((await client.stopJob(stopped)).state, 'STOPPING');
  fake.send({ kind: 'split-request', attemptId: drained!.attemptId, count: 1 });
  await fake.next('no-more-splits');
  fake.state(drained!.attemptId, 'FINISHED');
  await untilState(client, stopped, 'FINISHED');
  assert.deepEqual(
    (await client.jobs()).map((job) => [job.id, job.state]),
    [
      [stopped, 'FINISHED'],
      [cancelled, 'CANCELED'],
    ],
  );
});

test('when there are too few slots, then the job says what it waits for, and fails in time', async () => {
  const graph = pipeline([sourceVertex('wide', { parallelism: 4 })]);
  const { jobManager, client } = await start(graph, { resourceTimeoutMs: 400 });
  const fake = connect(jobManager, { id: 'tm', slots: 2 });
  await fake.next('registered');
  const id = await submit(client);
  const waiting = await client.job(id);
  assert.equal(waiting.state, 'WAITING_FOR_RESOURCES');
  assert.equal(waiting.waitingReason, 'needs 4 cpu slots, 2 free');
  const job = await untilState(client, id, 'FAILED');
  assert.equal(job.failure?.error.code, 'RESOURCE_UNAVAILABLE');
  assert.match(job.failure?.error.message ?? '', /within 0.4 s: needs 4 cpu slots, 2 free/u);
});

test('when a stranger connects, then it is refused with the reason', async () => {
  const { jobManager } = await start(GRAPH);
  const other = connect(jobManager, { id: 'tm-old', version: '0.0.0' });
  assert.match((await other.next('refused')).error.message, /has version 0\.0\.0/u);
  await eventually(() => other.ended);

  const rude = connect(jobManager, { id: 'tm-rude' });
  await rude.next('registered');
  rude.sendRaw({ taskState: { attemptId: 'x', state: 'EXPLODED' } });
  assert.match((await rude.next('refused')).error.message, /no task manager reports/u);
  await eventually(() => rude.ended);
});

test('when a task manager connects anew, then its old stream is lost and the new one counts', async () => {
  const { jobManager, client } = await start(GRAPH);
  const first = connect(jobManager, { id: 'tm' });
  await first.next('registered');
  const second = connect(jobManager, { id: 'tm', slots: 3 });
  await second.next('registered');
  await eventually(() => first.ended);
  assert.equal((await client.cluster()).slots.total, 3);
});

test('when the job manager stops, then its jobs are cancelled first', async () => {
  const { jobManager, client } = await start(GRAPH, { shutdownTimeoutMs: 10_000 });
  const fake = connect(jobManager, { id: 'tm' });
  await fake.next('registered');
  await submit(client);
  const deployments = await fake.deployments(2);
  const stopped = jobManager.stop();
  for (const { attemptId } of deployments) {
    await fake.next('cancel-task');
    fake.state(attemptId, 'CANCELED');
  }
  await stopped;
  await eventually(() => fake.ended);
  await assert.rejects(client.health(), { code: 'NETWORK_UNREACHABLE' });
});

test('when a host is reachable from elsewhere, then it needs an explicit word', async () => {
  await assert.rejects(start(GRAPH, { host: '0.0.0.0' }), { code: 'ARGUMENT_INVALID' });
});

test('when a port is taken, then the message says which and how to choose another', async () => {
  const { jobManager } = await start(GRAPH);
  const taken = { rpcPort: jobManager.rpcPort, restPort: jobManager.restPort };
  const keep = running;
  await assert.rejects(
    start(GRAPH, { rpcPort: taken.rpcPort }),
    (error: Error & { hint: string }) => {
      assert.match(error.message, new RegExp(`port ${taken.rpcPort} on 127.0.0.1 is in use`, 'u'));
      assert.match(error.hint, /--rpc-port/u);
      return true;
    },
  );
  await assert.rejects(start(GRAPH, { restPort: taken.restPort }), { code: 'PORT_IN_USE' });
  running = keep;
});

function failure(code: SerializedError['code'], message: string): SerializedError {
  return { code, message, domain: 'external', retry: 'none', context: {}, causes: [] };
}
