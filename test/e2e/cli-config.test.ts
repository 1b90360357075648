import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parse } from 'yaml';
import { RestClient } from '../../shared/rest/rest-client.ts';
import { eventually } from '../support/eventually.ts';
import { freePorts } from '../support/free-ports.ts';
import { SluiceProcess, sluice, sluiceJson } from '../support/sluice-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

interface Setting {
  readonly value: unknown;
  readonly from: string;
  readonly file?: string;
  readonly line?: number;
  readonly variable?: string;
  readonly flag?: string;
}

interface ShownConfig {
  readonly file: string | null;
  readonly settings: Readonly<Record<string, Setting>>;
}

function write(t: TestContext, text: string): string {
  const file = join(temporaryFolder(t), 'sluice.yaml');
  writeFileSync(file, text);
  return file;
}

test('when values are said in four places, then sluice config shows which holds, and whose it is', async (t) => {
  const file = write(
    t,
    'host: 127.0.0.2\nstorage: kept\njobManager:\n  restPort: 9001\n  rpcPort: 9002\n  heartbeatTimeout: 90s\nclient: { token: geheim }\n',
  );
  const args = [
    'config',
    '--config',
    file,
    '--rpc-port',
    '9003',
    '--label',
    'zone=a',
    '--json',
    '--no-storage',
  ];
  const { settings, file: shown } = await sluiceJson<ShownConfig>(args, {
    env: { SLUICE_REST_PORT: '9004', SLUICE_TLS_KEY: '' },
  });
  assert.equal(shown, file);
  assert.deepEqual(settings['host'], { value: '127.0.0.2', from: 'file', file, line: 1 });
  assert.deepEqual(settings['jobManager.restPort'], {
    value: 9004,
    from: 'environment',
    variable: 'SLUICE_REST_PORT',
  });
  assert.deepEqual(settings['jobManager.rpcPort'], {
    value: 9003,
    from: 'command line',
    flag: '--rpc-port',
  });
  assert.deepEqual(settings['jobManager.heartbeatTimeout'], {
    value: '90s',
    from: 'file',
    file,
    line: 6,
  });
  assert.deepEqual(settings['taskManager.labels']?.value, { zone: 'a' });
  assert.deepEqual(settings['jobManager.endedJobsMax'], { value: 100, from: 'default' });
  assert.deepEqual(settings['tls.key'], { value: null, from: 'default' });
  assert.deepEqual(settings['client.token']?.value, '[secret]');
  assert.deepEqual(settings['storage'], {
    value: null,
    from: 'command line',
    flag: '--no-storage',
  });
});

test('when sluice config prints YAML, then it is a sluice.yaml that says the same again', async (t) => {
  const file = write(t, 'jobManager: { restPort: 9001 }\nclient: { token: geheim }\n');
  const env = { SLUICE_CONFIG: file, SLUICE_LABELS: 'zone=a' };
  const printed = await sluice(['config'], { env });
  assert.equal(printed.code, 0, printed.stderr);
  assert.doesNotMatch(printed.stdout, /geheim/);
  assert.match(printed.stdout, /^ {2}restPort: 9001 +# .*sluice\.yaml:1$/m);
  assert.match(printed.stdout, /^ {2}labels: \{ zone: a \} +# SLUICE_LABELS$/m);
  assert.match(printed.stdout, /^ {2}rpcPort: 6123 +# default$/m);
  assert.match(printed.stdout, /^ {2}slots: \d+ +# default: half the cores$/m);
  assert.match(printed.stdout, /^ {2}# tokens: +# not set$/m);
  assert.equal(parse(printed.stdout).jobManager.restPort, 9001);
  const again = write(t, printed.stdout);
  const second = await sluiceJson<ShownConfig>(['config', '--json', '--config', again]);
  assert.equal(second.settings['jobManager.restPort']?.from, 'file');
  assert.equal(second.settings['jobManager.restPort']?.value, 9001);
});

test('when a job manager and a task manager have one file, then each takes its own values', async (t) => {
  const [rpcPort, restPort, ignored] = await freePorts(3);
  const folder = temporaryFolder(t);
  const file = join(folder, 'sluice.yaml');
  writeFileSync(
    file,
    `storage: storage
log: { level: warn, format: pretty, file: log/jobmanager.log }
jobManager:
  address: 127.0.0.1:${rpcPort}
  rpcPort: ${rpcPort}
  restPort: ${restPort}
  heartbeatInterval: 200ms
  heartbeatTimeout: 900ms
taskManager: { slots: 3, executors: 1, labels: { zone: file }, id: "from-file" }
client: { jobManager: "http://127.0.0.1:${ignored}" }
`,
  );
  const jobManager = new SluiceProcess(['jobmanager', '--config', file]);
  t.after(() => jobManager.child.kill('SIGKILL'));
  await jobManager.until(/job manager ready/);
  assert.match(jobManager.stdout, new RegExp(`REST http://127\\.0\\.0\\.1:${restPort}, gRPC`));

  const logFile = join(folder, 'tm.log');
  const args = [
    'taskmanager',
    '--label',
    'zone=flag',
    '--log-level',
    'info',
    '--log-file',
    logFile,
  ];
  const taskManager = new SluiceProcess(args, {
    env: { SLUICE_CONFIG: file, SLUICE_SLOTS: '2' },
  });
  t.after(() => taskManager.child.kill('SIGKILL'));
  await taskManager.until(/task manager from-file ready/);
  const url = `http://127.0.0.1:${restPort}`;
  const client = new RestClient(url);
  const info = await eventually(async () => (await client.taskManagers())[0], {
    timeoutMs: 30_000,
  });
  assert.equal(info.id, 'from-file');
  assert.equal(info.slots.total, 2);
  assert.deepEqual(info.labels, { zone: 'flag' });

  // The client's address of the file leads nowhere; the variable is above it, the option above that.
  const env = { SLUICE_CONFIG: file };
  assert.match((await sluice(['jobs'], { env })).stderr, /NETWORK_UNREACHABLE/);
  const byVariable = await sluice(['jobs'], { env: { ...env, SLUICE_JOB_MANAGER: url } });
  assert.equal(byVariable.code, 0, byVariable.stderr);
  const byOption = await sluice(['jobs', '--job-manager', url], { env });
  assert.equal(byOption.code, 0, byOption.stderr);

  taskManager.child.kill('SIGSTOP');
  await jobManager.until(/no heartbeat for 0\.9 s/, 60_000);
  taskManager.child.kill('SIGKILL');
  jobManager.child.kill('SIGTERM');
  assert.equal((await jobManager.ended).code, 0);
  assert.doesNotMatch(jobManager.stderr, /INFO/);
  const log = readFileSync(join(folder, 'log', 'jobmanager.log'), 'utf8');
  assert.match(log, /^\{"level":"warn".*no heartbeat for 0\.9 s/m);
  assert.match(readFileSync(logFile, 'utf8'), /^\{"level":"info"/);
});

test('when cluster up has a file, then its processes have it too, also those of cluster scale', async (t) => {
  const [rpcPort, restPort] = await freePorts(2);
  // Of its own: hooks run in the order of their registration, and the cluster has to end first.
  const folder = mkdtempSync(join(tmpdir(), 'sluice-config-'));
  mkdirSync(join(folder, 'etc'));
  const file = join(folder, 'etc', 'sluice.yaml');
  writeFileSync(
    file,
    `jobManager: { rpcPort: ${rpcPort}, restPort: ${restPort}, heartbeatInterval: 300ms }
log: { format: pretty }
taskManager: { slots: 2, dataPort: ${restPort}, id: not-this-one, labels: { from: file } }
client: { jobManager: "http://127.0.0.1:${restPort}" }
`,
  );
  const where = ['--directory', join(folder, 'state')];
  const env = { SLUICE_EXECUTORS: '3' };
  t.after(async () => {
    await sluice(['cluster', 'down', ...where]);
    rmSync(folder, { recursive: true, force: true });
  });
  const up = await sluice(['cluster', 'up', '-n', '1', '--config', file, ...where], { env });
  assert.equal(up.code, 0, up.stderr);
  const scaled = await sluice(['cluster', 'scale', '2', ...where], { env });
  assert.equal(scaled.code, 0, scaled.stderr);

  const url = `http://127.0.0.1:${restPort}`;
  const found = await new RestClient(url).taskManagers();
  assert.deepEqual(found.map(({ id }) => id).toSorted(), ['taskmanager-1', 'taskmanager-2']);
  for (const { slots, labels, executors } of found) {
    assert.equal(slots.total, 2);
    assert.deepEqual(labels, { from: 'file' });
    assert.equal(executors, 3);
  }
  const log = readFileSync(join(folder, 'state', 'logs', 'jobmanager.log'), 'utf8');
  assert.match(log, /INFO {2}job manager listens/);
});

test('when one file names certificates and tokens, then cluster and client commands need nothing else', async (t) => {
  const [rpcPort, restPort] = await freePorts(2);
  // Of its own: the cluster has to end first.
  const folder = mkdtempSync(join(tmpdir(), 'sluice-config-'));
  const ca = join(folder, 'ca');
  const where = ['--directory', join(folder, 'state')];
  t.after(async () => {
    await sluice(['cluster', 'down', ...where]);
    rmSync(folder, { recursive: true, force: true });
  });
  const done = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await sluice(args);
    assert.equal(code, 0, stderr);
    return stdout;
  };
  await done('certs', 'init', '--directory', ca);
  const roles = ['--role', 'job-manager', '--role', 'task-manager'];
  const issue = ['certs', 'issue', '--name', 'laptop', '--host', '127.0.0.1', '--ca', ca];
  await done(...issue, ...roles, '--directory', join(folder, 'tls'));
  const tokens = ['--file', join(folder, 'tokens')];
  const token = await done('tokens', 'create', '--name', 'ci', '--role', 'operator', ...tokens);
  writeFileSync(join(folder, 'ci.token'), token, { mode: 0o600 });
  const file = join(folder, 'sluice.yaml');
  writeFileSync(
    file,
    `tls: { certificate: tls/tls.crt, key: tls/tls.key, authority: tls/ca.crt }
jobManager: { rpcPort: ${rpcPort}, restPort: ${restPort}, tokens: tokens }
client: { jobManager: "https://127.0.0.1:${restPort}", tokenFile: ci.token, authority: tls/ca.crt }
`,
  );
  await done('cluster', 'up', '-n', '1', '--config', file, ...where);
  assert.match(await done('cluster', 'status', ...where), /taskmanager-1/);
  await done('jobs', '--config', file);
  const anonymous = await sluice(['jobs', '--job-manager', `https://127.0.0.1:${restPort}`], {
    env: { SLUICE_AUTHORITY: join(ca, 'ca.crt') },
  });
  assert.equal(anonymous.code, 2, anonymous.stderr);
  assert.match(anonymous.stderr, /UNAUTHORIZED/);
});

test('when sluice run has a file, then its storage is the one of the file, its ports are not', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'sluice.yaml');
  writeFileSync(file, 'storage: kept\nhost: 203.0.113.9\njobManager: { rpcPort: 1 }\n');
  const pipeline = join(folder, 'pipeline.yaml');
  writeFileSync(
    pipeline,
    'name: numbers\nnodes:\n  numbers: { source: datagen, count: 10 }\n  out: { sink: blackhole, from: numbers }\n',
  );
  const run = await sluice(['run', pipeline, '--config', file, '--json', '--no-progress']);
  assert.equal(run.code, 0, run.stderr);
  assert.ok(readdirSync(join(folder, 'kept')).length > 0);
});

test('when the file has mistakes, then nothing starts and every command tells them', async (t) => {
  const file = write(t, 'jobManager: { restPort: 99999 }\nstorge: x\n');
  const args = ['--config', file];
  for (const command of ['jobmanager', 'taskmanager', 'config', 'jobs'] as const) {
    const refused = await sluice([command, ...args]);
    assert.equal(refused.code, 2, command);
    assert.match(refused.stderr, /sluice\.yaml:1:25: "jobManager\.restPort" must be/);
    assert.match(refused.stderr, /sluice\.yaml:2:1: unknown key "storge"/);
    assert.match(refused.stderr, /did you mean "storage"\?/);
    assert.equal(refused.stdout, '');
  }
});
