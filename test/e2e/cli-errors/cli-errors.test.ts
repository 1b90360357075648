/**
 * Mistakes on the command line, each with what it prints and its exit status: `<name>.txt`. After a
 * change of the messages:
 *
 *   SLUICE_REGENERATE=1 npx node --test test/e2e/cli-errors/*.test.ts
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type RunningJobManager, startJobManager } from '../../../jobmanager/main.ts';
import { silentLogger } from '../../../shared/observability/logger.ts';
import { RestClient } from '../../../shared/rest/rest-client.ts';
import { writeMainJob } from '../../support/job-pipelines.ts';
import { S3Server } from '../../support/s3/s3-server.ts';
import { ROOT, sluice } from '../../support/sluice-process.ts';
import { EXAMPLE_IMAGES, EXAMPLE_MODEL } from '../../support/watch-job.ts';

/** Nothing listens there, and `fetch` has nothing against the port as such. */
const NOBODY = 'http://127.0.0.1:2';

const NUMBERS =
  'name: numbers\nnodes:\n  numbers: { source: datagen }\n  nowhere: { sink: blackhole, from: numbers }\n';

let folder: string;
let stranger: Server;
let strangerPort: number;
let s3: S3Server;
/** Without storage and without task managers. */
let jobManager: RunningJobManager;
/** A job of it, which waits for slots. */
let jobId: string;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-mistakes-'));
  stranger = createServer((_request, response) => response.end('hello'));
  await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
  strangerPort = (stranger.address() as AddressInfo).port;
  s3 = await S3Server.start({ buckets: ['here'] });
  mkdirSync(join(folder, 'empty'));
  writeFileSync(join(folder, 'garbage.onnx'), 'this is no model');
  writeFileSync(join(folder, 'typo.yaml'), 'name: x\nnodes:\n  a: { source: flies, path: . }\n');
  jobManager = await startJobManager({
    rpcPort: 0,
    restPort: 0,
    shutdownTimeoutMs: 500,
    fileSystemOptions: {},
    logger: silentLogger,
  });
  mkdirSync(join(folder, 'numbers'));
  writeFileSync(join(folder, 'numbers', 'numbers.yaml'), NUMBERS);
  const submitted = await new RestClient(jobManager.restAddress).submitJob({
    pipeline: NUMBERS,
    fileName: 'numbers.yaml',
    baseDirectory: folder,
    parameters: {},
  });
  assert.ok(submitted.kind === 'submitted');
  jobId = submitted.id;
});

after(async () => {
  await jobManager.stop();
  stranger.close();
  await s3.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Mistake {
  readonly name: string;
  readonly args: () => readonly string[];
  readonly env?: () => Readonly<Record<string, string>>;
}

function pipeline(change: { images?: string; model?: string; output?: string }): string {
  const target = mkdtempSync(join(folder, 'job-'));
  const job = { images: EXAMPLE_IMAGES, model: EXAMPLE_MODEL, output: join(target, 'out') };
  return writeMainJob(target, { ...job, ...change, thumbnails: false });
}

const toS3 = (extra: Readonly<Record<string, string>>) => (): Record<string, string> => ({
  SLUICE_S3_ENDPOINT: s3.endpoint,
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_CONFIG_FILE: join(folder, 'no-config'),
  AWS_SHARED_CREDENTIALS_FILE: join(folder, 'no-credentials'),
  AWS_ACCESS_KEY_ID: '',
  AWS_SECRET_ACCESS_KEY: '',
  ...extra,
});
const KEYS = { AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret-of-the-test' };

const cluster = (): string[] => ['--job-manager', jobManager.restAddress];

const MISTAKES: readonly Mistake[] = [
  { name: 'unknown-command', args: () => ['rnu'] },
  { name: 'unknown-option', args: () => ['run', 'pipeline.yaml', '--slot', '2'] },
  { name: 'no-pipeline', args: () => ['run'] },
  { name: 'pipeline-missing', args: () => ['run', join(folder, 'nowhere.yaml')] },
  { name: 'pipeline-is-a-folder', args: () => ['validate', folder] },
  { name: 'pipeline-with-a-typo', args: () => ['run', join(folder, 'typo.yaml')] },
  { name: 'set-without-value', args: () => ['run', 'pipeline.yaml', '--set', 'images'] },
  { name: 'set-of-nothing-declared', args: () => ['validate', pipeline({}), '--set', 'a=b'] },
  { name: 'slots-out-of-range', args: () => ['run', 'pipeline.yaml', '--slots', '0'] },
  { name: 'port-out-of-range', args: () => ['jobmanager', '--rest-port', '99999'] },
  { name: 'format-unknown', args: () => ['explain', pipeline({}), '--format', 'dot'] },
  { name: 'job-manager-unreachable', args: () => ['jobs', '--job-manager', NOBODY] },
  { name: 'submit-unreachable', args: () => ['submit', pipeline({}), '--job-manager', NOBODY] },
  {
    name: 'job-manager-is-a-stranger',
    args: () => ['job', 'abc', '--job-manager', `http://127.0.0.1:${strangerPort}`],
  },
  {
    name: 'job-manager-never-led',
    args: () => ['jobs', '--job-manager', `file://${join(folder, 'empty')}`],
  },
  { name: 'job-manager-no-address', args: () => ['jobs', '--job-manager', 'not an address'] },
  {
    name: 'rest-port-taken',
    args: () => ['run', pipeline({}), '--rest-port', `${strangerPort}`],
  },
  {
    name: 'rpc-port-taken',
    args: () => ['jobmanager', '--rest-port', '0', '--rpc-port', `${strangerPort}`],
  },
  {
    name: 'data-port-taken',
    args: () => ['taskmanager', '--data-port', `${strangerPort}`, '--log-level', 'error'],
  },
  { name: 'host-is-open', args: () => ['jobmanager', '--host', '0.0.0.0'] },
  { name: 'host-is-open-task-manager', args: () => ['taskmanager', '--host', '0.0.0.0'] },
  { name: 'label-without-value', args: () => ['taskmanager', '--label', 'zone'] },
  { name: 'folder-missing', args: () => ['run', pipeline({ images: join(folder, 'gone') })] },
  { name: 'model-missing', args: () => ['run', pipeline({ model: join(folder, 'gone.onnx') })] },
  {
    name: 'model-is-garbage',
    args: () => ['run', pipeline({ model: join(folder, 'garbage.onnx') })],
  },
  { name: 'inspect-missing', args: () => ['models', 'inspect', join(folder, 'gone.onnx')] },
  { name: 'inspect-garbage', args: () => ['models', 'inspect', join(folder, 'garbage.onnx')] },
  { name: 'pull-unknown', args: () => ['models', 'pull', 'resnet5'] },
  {
    name: 'pull-unreachable',
    args: () => ['models', 'pull', 'mobilenetv2', '--to', join(folder, 'models')],
    env: () => ({ SLUICE_MODELS_URL: `${NOBODY}/` }),
  },
  {
    name: 'bucket-missing',
    args: () => ['run', pipeline({ images: 's3://nowhere/images' })],
    env: toS3(KEYS),
  },
  {
    name: 'output-bucket-missing',
    args: () => ['run', pipeline({ output: 's3://nowhere/out' })],
    env: toS3(KEYS),
  },
  {
    name: 'credentials-missing',
    args: () => ['run', pipeline({ images: 's3://here/images' })],
    env: toS3({}),
  },
  {
    name: 's3-unreachable',
    args: () => ['run', pipeline({ images: 's3://here/images' })],
    env: () => ({ ...toS3(KEYS)(), SLUICE_S3_ENDPOINT: NOBODY }),
  },
  { name: 'storage-without-bucket', args: () => ['jobmanager', '--storage', 's3://'] },
  {
    name: 'dropped-state-of-nothing',
    args: () => ['submit', pipeline({}), '--allow-dropped-state'],
  },
  { name: 'stop-directory-only', args: () => ['stop', 'abc', '--directory', './saved'] },
  { name: 'savepoint-without-storage', args: () => ['savepoint', jobId, ...cluster()] },
  { name: 'savepoint-of-no-job', args: () => ['savepoint', 'beef', ...cluster()] },
  {
    name: 'savepoint-into-nowhere',
    args: () => ['savepoint', jobId, '--directory', 's3://', ...cluster()],
  },
  {
    name: 'stop-with-savepoint-without-storage',
    args: () => ['stop', jobId, '--savepoint', ...cluster()],
  },
  {
    name: 'submit-from-without-storage',
    args: () => [
      'submit',
      join(folder, 'numbers', 'numbers.yaml'),
      '--from',
      './saved',
      ...cluster(),
    ],
  },
  { name: 'audit-of-nothing', args: () => ['audit'] },
  { name: 'audit-of-no-files', args: () => ['audit', jobId, ...cluster()] },
  { name: 'audit-of-no-job', args: () => ['audit', 'beef', ...cluster()] },
  {
    name: 'savepoint-unreachable',
    args: () => ['savepoint', 'abc', '--job-manager', NOBODY],
  },
  { name: 'no-cluster', args: () => ['cluster', 'status', '--directory', join(folder, 'empty')] },
  {
    name: 'cluster-port-taken',
    args: () => [
      ...['cluster', 'up', '--directory', join(folder, 'cluster')],
      ...['--rest-port', `${strangerPort}`, '--rpc-port', '0'],
    ],
  },
];

for (const mistake of MISTAKES) {
  test(`when the mistake is ${mistake.name}, then the message helps and no trace is shown`, async () => {
    const result = await sluice([...mistake.args(), ...quiet(mistake)], {
      timeoutMs: 60_000,
      ...(mistake.env === undefined ? {} : { env: mistake.env() }),
    });
    const printed = `exit ${result.code}\n${plain(result.stderr)}${plain(result.stdout)}`;
    assert.ok(result.code !== 0 && result.code !== null, printed);
    assert.doesNotMatch(printed, /\n\s+at .*[:(]\d+/, 'no stack trace');
    assert.doesNotMatch(printed, /internal error|secret-of-the-test/);
    const expectedPath = join(import.meta.dirname, `${mistake.name}.txt`);
    if (process.env['SLUICE_REGENERATE'] === '1') writeFileSync(expectedPath, printed);
    assert.equal(printed, readFileSync(expectedPath, 'utf8'));
  });
}

function quiet(mistake: Mistake): readonly string[] {
  return mistake.args()[0] === 'run' && mistake.name !== 'no-pipeline' ? ['--no-progress'] : [];
}

/** What differs between two runs is replaced by its name. */
function plain(text: string): string {
  return text
    .replaceAll(/\^{4,}/g, '^^^^')
    .replaceAll(/\d\d:\d\d:\d\d\.\d{3}/g, '<time>')
    .replaceAll(/"time":"[^"]+"/g, '"time":"<time>"')
    .replaceAll(/job-[A-Za-z0-9]{6}\b/g, 'job-<random>')
    .replaceAll(folder, '<folder>')
    .replaceAll(ROOT, '<root>/')
    .replaceAll(String(strangerPort), '<taken port>')
    .replaceAll(s3.endpoint, '<s3>')
    .replaceAll(jobId, '<job>')
    .replaceAll(/\(job [0-9a-f]+\)/g, '(job <id>)')
    .replaceAll(/on task manager \S+/g, 'on task manager <id>')
    .replaceAll(/\d+(\.\d+)? (ms|s)\b/g, '<duration>');
}
