import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import type { CompilePort } from '../../../jobmanager/compile/compile-port.ts';
import { type RunningJobManager, startJobManager } from '../../../jobmanager/main.ts';
import { SluiceError, serializeError } from '../../../shared/errors/sluice-error.ts';
import { silentLogger } from '../../../shared/observability/logger.ts';
import { RestClient } from '../../../shared/rest/rest-client.ts';
import { pipeline, sourceVertex } from '../../support/jobmanager/job-graphs.ts';

const PROBLEMS = ['first', 'second'].map((message) =>
  serializeError(new SluiceError('PIPELINE_INVALID', message, { domain: 'user', hint: 'mend it' })),
);

/** What the text says is what the compiler does. */
const compile: CompilePort = async ({ pipeline: text }) => {
  if (text === 'invalid') return { kind: 'invalid', problems: PROBLEMS };
  if (text === 'bug') throw new TypeError('cannot read properties of undefined');
  if (text === 'storage') {
    throw new SluiceError('STORAGE_UNAVAILABLE', 'the bucket is away', { domain: 'external' });
  }
  return { kind: 'compiled', jobGraph: pipeline([sourceVertex('read')], text), warnings: [] };
};

let jobManager: RunningJobManager;

before(async () => {
  jobManager = await startJobManager({
    rpcPort: 0,
    restPort: 0,
    shutdownTimeoutMs: 500,
    fileSystemOptions: {},
    logger: silentLogger,
    compile,
  });
});
after(() => jobManager.stop());

interface Expected {
  readonly request: readonly [method: string, path: string, body?: string, type?: string];
  readonly status: number;
  readonly code: string;
  readonly detail: RegExp;
}

const JSON_TYPE = 'application/json';

function submission(text: string, more: object = {}): string {
  const request = { pipeline: text, fileName: 'p.yaml', baseDirectory: '/', parameters: {} };
  return JSON.stringify({ ...request, ...more });
}

const REFUSALS: Readonly<Record<string, Expected>> = {
  'the path is unknown': {
    request: ['GET', '/v2/jobs'],
    status: 404,
    code: 'ARGUMENT_INVALID',
    detail: /nothing at \/v2\/jobs/u,
  },
  'the job is unknown': {
    request: ['GET', '/v1/jobs/beef'],
    status: 404,
    code: 'JOB_NOT_FOUND',
    detail: /no job "beef"/u,
  },
  'a job that is unknown is cancelled': {
    request: ['POST', '/v1/jobs/beef/cancel'],
    status: 404,
    code: 'JOB_NOT_FOUND',
    detail: /no job "beef"/u,
  },
  'the job id is malformed': {
    request: ['GET', '/v1/jobs/..%2f..%2fetc'],
    status: 400,
    code: 'ARGUMENT_INVALID',
    detail: /"id" of the path/u,
  },
  'the task manager id leads out of the path': {
    request: ['GET', '/v1/task-managers/..%2fjobs'],
    status: 400,
    code: 'ARGUMENT_INVALID',
    detail: /"id" of the path/u,
  },
  'the vertex id leads out of the path': {
    request: ['GET', '/v1/jobs/beef/vertices/%2e%2e%5c'],
    status: 400,
    code: 'ARGUMENT_INVALID',
    detail: /"vertex" of the path/u,
  },
  'the checkpoint is no number': {
    request: ['GET', '/v1/jobs/beef/checkpoints/1e3'],
    status: 400,
    code: 'ARGUMENT_INVALID',
    detail: /"checkpoint" of the path/u,
  },
  'the task manager is unknown': {
    request: ['GET', '/v1/task-managers/nobody'],
    status: 404,
    code: 'TASK_MANAGER_NOT_FOUND',
    detail: /no task manager "nobody"/u,
  },
  'a query parameter is unknown': {
    request: ['GET', '/v1/jobs?stat=RUNNING'],
    status: 400,
    code: 'ARGUMENT_INVALID',
    detail: /"stat" of the query is not known/u,
  },
  'a query parameter is where none are': {
    request: ['GET', '/v1/health?verbose=1'],
    status: 400,
    code: 'ARGUMENT_INVALID',
    detail: /"verbose" of the query is not known/u,
  },
  'a query parameter is out of its bounds': {
    request: ['GET', '/v1/jobs?limit=1001'],
    status: 400,
    code: 'ARGUMENT_INVALID',
    detail: /"limit" of the query is invalid.*1000/u,
  },
  'a query parameter is no number': {
    request: ['GET', '/v1/jobs?limit=%205'],
    status: 400,
    code: 'ARGUMENT_INVALID',
    detail: /"limit" of the query/u,
  },
  'a query parameter comes twice': {
    request: ['GET', '/v1/jobs?state=RUNNING&state=FAILED'],
    status: 400,
    code: 'ARGUMENT_INVALID',
    detail: /"state" of the query/u,
  },
  'a query parameter is none of its values': {
    request: ['GET', '/v1/jobs?state=running'],
    status: 400,
    code: 'ARGUMENT_INVALID',
    detail: /"state" of the query is invalid/u,
  },
  'a cursor was made by nobody': {
    request: ['GET', '/v1/jobs?after=abcd'],
    status: 400,
    code: 'ARGUMENT_INVALID',
    detail: /"after" of the query is no `next`/u,
  },
  'a body comes where none is': {
    request: ['POST', '/v1/jobs/beef/cancel', '{"now":true}', JSON_TYPE],
    status: 400,
    code: 'ARGUMENT_INVALID',
    detail: /"now" of the request is not known/u,
  },
  'the URL is malformed': {
    request: ['GET', '/v1/jobs/%zz'],
    status: 400,
    code: 'ARGUMENT_INVALID',
    detail: /%zz/u,
  },
  'the method is wrong': {
    request: ['DELETE', '/v1/jobs'],
    status: 405,
    code: 'ARGUMENT_INVALID',
    detail: /DELETE is not possible at \/v1\/jobs, only GET, POST/u,
  },
  'the body is no JSON': {
    request: ['POST', '/v1/jobs', '{', JSON_TYPE],
    status: 400,
    code: 'ARGUMENT_INVALID',
    detail: /JSON/u,
  },
  'the body is text': {
    request: ['POST', '/v1/jobs', 'name: x', 'text/plain'],
    status: 415,
    code: 'ARGUMENT_INVALID',
    detail: /application\/json/u,
  },
  'there is no body': {
    request: ['POST', '/v1/jobs'],
    status: 400,
    code: 'ARGUMENT_INVALID',
    detail: /the request/u,
  },
  'a field is missing': {
    request: ['POST', '/v1/jobs', '{"pipeline":"x"}', JSON_TYPE],
    status: 400,
    code: 'ARGUMENT_INVALID',
    detail: /"fileName" of the request/u,
  },
  'a field is unknown': {
    request: ['POST', '/v1/jobs', submission('x', { extra: 1 }), JSON_TYPE],
    status: 400,
    code: 'ARGUMENT_INVALID',
    detail: /extra/u,
  },
  'the body is too long': {
    request: ['POST', '/v1/jobs', submission('x'.repeat(2 * 1024 ** 2)), JSON_TYPE],
    status: 413,
    code: 'MESSAGE_TOO_LARGE',
    detail: /2 MiB at most/u,
  },
  'the pipeline is invalid': {
    request: ['POST', '/v1/jobs', submission('invalid'), JSON_TYPE],
    status: 400,
    code: 'PIPELINE_INVALID',
    detail: /first/u,
  },
  'storage fails': {
    request: ['POST', '/v1/jobs', submission('storage'), JSON_TYPE],
    status: 502,
    code: 'STORAGE_UNAVAILABLE',
    detail: /the bucket is away/u,
  },
  'there is a bug': {
    request: ['POST', '/v1/jobs', submission('bug'), JSON_TYPE],
    status: 500,
    code: 'INTERNAL',
    detail: /log says more/u,
  },
};

for (const [when, { request, status, code, detail }] of Object.entries(REFUSALS)) {
  test(`when ${when}, then the answer is a problem with status ${status}`, async () => {
    const [method, path, body, type] = request;
    const response = await fetch(`${jobManager.restAddress}${path}`, {
      method,
      ...(body === undefined ? {} : { body }),
      ...(type === undefined ? {} : { headers: { 'content-type': type } }),
    });
    const text = await response.text();
    assert.equal(response.status, status, text);
    assert.match(response.headers.get('content-type') ?? '', /^application\/problem\+json/u);
    assert.doesNotMatch(text, /\n? {2,}at |\.ts:\d|node_modules|undefined/u);
    const problem = JSON.parse(text) as Record<string, unknown>;
    assert.equal(problem['status'], status);
    assert.equal(problem['code'], code);
    assert.match(String(problem['detail']), detail);
    if (status === 405) assert.equal(response.headers.get('allow'), 'GET, POST');
  });
}

test('when bytes that are no HTTP come, then they get a problem too', async () => {
  const socket = connect(jobManager.restPort, '127.0.0.1');
  socket.end('SLUICE?\r\n\r\n');
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  assert.match(text, /^HTTP\/1\.1 400 .*application\/problem\+json.*"ARGUMENT_INVALID"/su);
});

test('when a pipeline has several problems, then the client gets every one', async () => {
  const client = new RestClient(jobManager.restAddress);
  const request = JSON.parse(submission('invalid'));
  assert.deepEqual(await client.submitJob(request), { kind: 'rejected', problems: PROBLEMS });
});

test('when the client asks in vain, then its error says why and what to do', async () => {
  const client = new RestClient(jobManager.restAddress);
  await assert.rejects(client.job('beef'), {
    code: 'JOB_NOT_FOUND',
    domain: 'user',
    hint: 'list the jobs with `sluice jobs`',
  });
  const nobody = new RestClient('127.0.0.1:1', { fetch: refusingFetch });
  await assert.rejects(nobody.jobs(), (error: SluiceError) => {
    assert.equal(error.code, 'NETWORK_UNREACHABLE');
    assert.match(
      error.message,
      /no job manager answers at http:\/\/127\.0\.0\.1:1 \(connect ECONN/u,
    );
    assert.match(error.hint ?? '', /sluice cluster up/u);
    return true;
  });
  const stranger = new RestClient(jobManager.restAddress, {
    fetch: async () => new Response('<html>', { headers: { 'content-type': 'text/html' } }),
  });
  await assert.rejects(stranger.cluster(), { code: 'PROTOCOL_VIOLATION' });
  const slow = new RestClient(jobManager.restAddress, { timeoutMs: 20, fetch: neverAnswers });
  await assert.rejects(slow.cluster(), { code: 'NETWORK_TIMEOUT' });
  assert.throws(() => new RestClient('http://'), { code: 'ARGUMENT_INVALID' });
});

test('when a standby is asked, then the client asks the leader, or the next one that listens', async () => {
  const asked: string[] = [];
  const cluster: typeof fetch = async (input) => {
    const { host } = new URL(String(input));
    asked.push(host);
    if (host === 'gone:1') {
      throw new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED gone:1') });
    }
    if (host === 'leader:1') return Response.json({ jobs: [] });
    const body = { code: 'NOT_LEADER', status: 503, context: { restAddress: 'http://leader:1' } };
    const headers = { 'content-type': 'application/problem+json' };
    return new Response(JSON.stringify(body), { status: 503, headers });
  };
  const client = new RestClient('gone:1,standby:1', { fetch: cluster });
  assert.deepEqual(await client.jobs(), []);
  assert.deepEqual(await client.jobs(), []);
  assert.deepEqual(asked, ['gone:1', 'standby:1', 'leader:1', 'leader:1']);
});

test('when an answer has no end, then the client gives up at its bound', async () => {
  const chunk = new Uint8Array(1024 ** 2);
  const endless = new ReadableStream({ pull: (controller) => controller.enqueue(chunk) });
  const client = new RestClient('127.0.0.1:1', { fetch: async () => new Response(endless) });
  await assert.rejects(client.cluster(), { code: 'MESSAGE_TOO_LARGE' });
});

const refusingFetch: typeof fetch = async () => {
  const cause = new AggregateError([new Error('connect ECONNREFUSED 127.0.0.1:1')]);
  throw new TypeError('fetch failed', { cause });
};

const neverAnswers: typeof fetch = (_input, init) =>
  new Promise((_resolve, reject) => {
    init?.signal?.addEventListener('abort', () => reject(init.signal?.reason));
    // An abort signal's timer alone does not keep the test's process alive.
    setTimeout(() => reject(new Error('nobody gave up')), 5_000).unref();
    setTimeout(() => {}, 100);
  });
