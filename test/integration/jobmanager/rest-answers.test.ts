/** Every route is asked for real: what comes back is what its schema says, and no more. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { type RunningJobManager, startJobManager } from '../../../jobmanager/main.ts';
import { templateOf } from '../../../jobmanager/rest/openapi.ts';
import { restRoutes } from '../../../jobmanager/rest/routes.ts';
import { createLogger } from '../../../shared/observability/logger.ts';
import { problemSchema } from '../../../shared/rest/common-schemas.ts';
import { RestClient } from '../../../shared/rest/rest-client.ts';
import type {
  HealthAnswer,
  JobDetail,
  JobExceptionList,
  JobList,
  LogAnswer,
  ProblemDetails,
} from '../../../shared/rest/rest-types.ts';
import { type RunningTaskManager, startTaskManager } from '../../../taskmanager/main.ts';
import { eventually } from '../../support/eventually.ts';
import { check } from '../../support/json-schema-check.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const TASK_MANAGER = 'worker 1';
const COUNT = '{ transform: count, from: numbers, keyBy: key }';
const routes = restRoutes({} as never);
const asked = new Set<string>();
interface Described {
  readonly content?: Readonly<Record<string, { readonly schema: object }>>;
}

const document = JSON.parse(
  readFileSync(new URL('../../../docs/openapi.json', import.meta.url), 'utf8'),
) as {
  paths: Record<string, Record<string, { responses: Record<string, Described> }>>;
};

let jobManager: RunningJobManager;
let standby: RunningJobManager;
let taskManager: RunningTaskManager;
let client: RestClient;
let running: string;
let failed: string;

before(async (t) => {
  const folder = temporaryFolder(t as never);
  const common = { host: '127.0.0.1', fileSystemOptions: {} };
  const logger = () => createLogger({ level: 'info', format: 'json', stream: { write() {} } });
  jobManager = await startJobManager({
    ...{ ...common, rpcPort: 0, restPort: 0, stabilisationMs: 20, logger: logger() },
    storage: `file://${folder}/storage`,
  });
  standby = await startJobManager({
    ...{ ...common, rpcPort: 0, restPort: 0, logger: logger() },
    storage: `file://${folder}/storage`,
  });
  taskManager = await startTaskManager({
    ...{ ...common, jobManagerAddress: jobManager.rpcAddress, dataPort: 0, metricsPort: 0 },
    ...{ id: TASK_MANAGER, slots: 6, executors: 1, labels: { zone: 'a' }, logger: logger() },
    ...{ device: 'cpu', gpuExecutionProvider: 'cpu' },
    localStateDirectory: `${folder}/local`,
  });
  client = new RestClient(jobManager.restAddress);
  failed = await submit('fails', '{ transform: filter, from: numbers, where: "int(\'x\') == 1" }');
  await eventually(async () => (await client.job(failed)).state === 'FAILED');
  running = await submit('runs', COUNT);
  await eventually(
    async () => ((await client.job(running)).checkpoints?.counts.completed ?? 0) > 0,
  );
});

after(async () => {
  await standby?.stop();
  await jobManager?.stop();
  await taskManager?.stop();
});

async function submit(name: string, transform: string): Promise<string> {
  const pipeline = `name: ${name}
checkpoints: { interval: 1s }
restart: { strategy: none }
onError: fail
parallelism: 2
nodes:
  numbers: { source: datagen, keys: 5, rateMax: 200 }
  boom: ${transform}
  nowhere: { sink: blackhole, from: boom }
`;
  const body = { pipeline, fileName: `${name}.yaml`, baseDirectory: '/' };
  const { id } = (await ask('POST', '/v1/jobs', { body })) as { id: string };
  return id;
}

/** Asks, and checks the answer against the schema of its route. */
async function ask(
  method: 'GET' | 'POST',
  path: string,
  options: {
    readonly status?: number;
    readonly body?: object;
    readonly params?: object;
    readonly address?: string;
  } = {},
): Promise<unknown> {
  const { body, params = {}, address = jobManager.restAddress } = options;
  const [pattern = '', query] = path.split('?');
  const route = routes.find((entry) => entry.method === method && entry.path === pattern);
  assert.ok(route !== undefined, `${method} ${pattern} is in the table`);
  if (options.status === undefined) asked.add(`${method} ${pattern}`);
  const filled = pattern.replaceAll(/:(\w+)/gu, (_, name: string) =>
    encodeURIComponent(String((params as Record<string, unknown>)[name])),
  );
  const response = await fetch(`${address}${filled}${query === undefined ? '' : `?${query}`}`, {
    method,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  const isJson = response.headers.get('content-type')?.includes('json') === true;
  const answer: unknown = isJson ? await response.json() : await response.text();
  if (options.status !== undefined) {
    assert.equal(response.status, options.status, JSON.stringify(answer));
    assert.deepEqual(problemSchema.parse(answer), answer);
    return answer;
  }
  const schema = route.answers[response.status];
  assert.ok(schema !== undefined, `${response.status}: ${JSON.stringify(answer)}`);
  // What a schema does not know it leaves out.
  assert.deepEqual(schema.parse(answer), answer);
  assert.deepEqual(offences(method, pattern, response.status, answer), []);
  return answer;
}

/** What others who read the document would say about an answer. */
function offences(
  method: string,
  path: string,
  status: number,
  answer: unknown,
): readonly string[] {
  const operation = document.paths[templateOf(path)]?.[method.toLowerCase()];
  const content = operation?.responses[status]?.content ?? {};
  const [media] = Object.values(content);
  assert.ok(media !== undefined);
  return check(media.schema as never, answer, '$', document as never);
}

test('when the cluster is asked about, then the answers are as described', async () => {
  await ask('GET', '/v1/health');
  await ask('GET', '/v1/cluster');
  const { options } = (await ask('GET', '/v1/config')) as { options: Record<string, unknown> };
  assert.equal(options['stabilisationMs'], 20);
  const metrics = await ask('GET', '/metrics');
  assert.match(String(metrics), /^# HELP /mu);
  assert.deepEqual(await ask('GET', '/v1/openapi.json'), document);
});

test('when a standby is asked, then it tells of itself, and who leads for all else', async () => {
  const from = { address: standby.restAddress };
  const health = (await ask('GET', '/v1/health', from)) as HealthAnswer;
  assert.equal(health.role, 'standby');
  await ask('GET', '/v1/config', from);
  await ask('GET', '/v1/openapi.json', from);
  const log = (await ask('GET', '/v1/log', from)) as LogAnswer;
  assert.match(log.text, /"job manager listens"/u);
  const metrics = (await ask('GET', '/metrics', from)) as string;
  assert.match(metrics, /^sluice_leader\{[^}]*\} 0$/mu);
  const own = ['/v1/health', '/v1/config', '/v1/openapi.json', '/v1/log', '/metrics'];
  const others = routes.filter(({ path }) => !own.includes(path));
  const body = { pipeline: 'x', fileName: 'x', baseDirectory: '/' };
  const params = { id: running, vertex: 'numbers', checkpoint: 1 };
  for (const { method, path } of others) {
    const problem = (await ask(method, path, {
      ...{ ...from, params, status: 503 },
      ...(path === '/v1/jobs' && method === 'POST' ? { body } : {}),
    })) as ProblemDetails;
    assert.equal(problem.code, 'NOT_LEADER', path);
    assert.equal(problem.context?.['restAddress'], jobManager.restAddress);
  }
  // A client finds the leader by itself.
  const jobs = await new RestClient(standby.restAddress).jobs();
  assert.equal(jobs.length, 2);
});

test('when task managers are asked about, then the answers are as described', async () => {
  await ask('GET', '/v1/task-managers?limit=1');
  await ask('GET', '/v1/task-managers/:id', { params: { id: TASK_MANAGER } });
  await ask('GET', '/v1/task-managers/:id', { params: { id: 'nobody' }, status: 404 });
});

test('when logs are asked for, then they come, and can be followed', async () => {
  const log = (await ask('GET', '/v1/log?tail=3')) as LogAnswer;
  assert.equal(log.text.split('\n').length, 4);
  const path = '/v1/task-managers/:id/log';
  const params = { id: TASK_MANAGER };
  const first = (await ask('GET', `${path}?offset=0&length=200`, { params })) as LogAnswer;
  assert.match(first.text, /^\{"level":"info",.*\}\n$/su);
  assert.equal(first.offset + Buffer.byteLength(first.text), first.next);
  const next = (await ask('GET', `${path}?offset=${first.next}`, { params })) as LogAnswer;
  assert.equal(next.offset, first.next);
  assert.match(next.text, /"task state"/u);
  await ask('GET', path, { params: { id: 'nobody' }, status: 404 });
  await ask('GET', '/v1/log?offset=0&tail=1', { status: 400 });
  await ask('GET', `/v1/log?length=${2 * 1024 ** 2}`, { status: 400 });
});

test('when jobs are asked about, then the answers are as described', async () => {
  const params = { id: running };
  const job = (await ask('GET', '/v1/jobs/:id', { params })) as JobDetail;
  await ask('GET', '/v1/jobs/:id', { params: { id: failed } });
  await ask('GET', '/v1/jobs/:id/plan', { params });
  await ask('GET', '/v1/jobs/:id/checkpoints', { params });
  const checkpoint = job.checkpoints?.latest?.id;
  await ask('GET', '/v1/jobs/:id/checkpoints/:checkpoint', { params: { ...params, checkpoint } });
  await ask('GET', '/v1/jobs/:id/checkpoints/:checkpoint', {
    params: { ...params, checkpoint: 999 },
    status: 404,
  });
  await ask('GET', '/v1/jobs/:id/vertices', { params });
  const vertex = job.vertices[0]?.id;
  await ask('GET', '/v1/jobs/:id/vertices/:vertex', { params: { ...params, vertex } });
  await ask('GET', '/v1/jobs/:id/vertices/:vertex', {
    params: { ...params, vertex: 'nothing' },
    status: 404,
  });
  const exceptions = (await ask('GET', '/v1/jobs/:id/exceptions', {
    params: { id: failed },
  })) as JobExceptionList;
  assert.equal(exceptions.exceptions[0]?.outcome, 'failed');
});

test('when a list comes in pages, then together they are the list', async () => {
  const first = (await ask('GET', '/v1/jobs?limit=1')) as JobList;
  assert.deepEqual(
    first.jobs.map(({ id }) => id),
    [running],
  );
  const second = (await ask('GET', `/v1/jobs?limit=1&after=${first.next}`)) as JobList;
  assert.deepEqual(
    second.jobs.map(({ id }) => id),
    [failed],
  );
  assert.equal(second.next, null);
  const some = (await ask('GET', '/v1/jobs?state=FAILED')) as JobList;
  assert.deepEqual(
    some.jobs.map(({ id }) => id),
    [failed],
  );
  const path = '/v1/jobs/:id/vertices/:vertex/subtasks';
  const params = { id: running, vertex: 'numbers' };
  const { subtasks, next } = (await ask('GET', `${path}?limit=1`, { params })) as {
    subtasks: readonly { index: number }[];
    next: string;
  };
  assert.deepEqual(
    subtasks.map(({ index }) => index),
    [0],
  );
  await ask('GET', `${path}?after=${next}`, { params });
  // A cursor of another list.
  await ask('GET', `/v1/jobs?after=${next}`, { status: 400 });
  assert.equal((await client.subtasks(running, 'numbers')).length, 2);
  assert.equal((await client.jobs({ limit: 1 })).length, 1);
});

test('when jobs are ended, then the answers are as described', async () => {
  const params = { id: running };
  await ask('POST', '/v1/jobs/:id/savepoints', { params });
  await ask('POST', '/v1/jobs/:id/stop', { params, body: { savepoint: true } });
  await ask('POST', '/v1/jobs/:id/stop', { params, status: 409 });
  const again = await submit('again', COUNT);
  await ask('POST', '/v1/jobs/:id/stop', { params: { id: again } });
  const third = await submit('third', COUNT);
  await ask('POST', '/v1/jobs/:id/cancel', { params: { id: third } });
});

test('when a task manager drains, then the answer is as described', async () => {
  const params = { id: TASK_MANAGER };
  await ask('POST', '/v1/task-managers/:id/drain', { params: { id: 'nobody' }, status: 404 });
  const info = await ask('POST', '/v1/task-managers/:id/drain', { params });
  assert.match((info as { state: string }).state, /^DRAIN(ING|ED)$/u);
  await ask('GET', '/v1/task-managers/:id', { params });
});

test('when all this was asked, then no route was left out', () => {
  const all = routes.map(({ method, path }) => `${method} ${path}`);
  assert.deepEqual([...asked].toSorted(), all.toSorted());
});
