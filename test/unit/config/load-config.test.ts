import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { ConfigScope, ConfigValue } from '../../../shared/config/config-key.ts';
import type { ConfigKeyName } from '../../../shared/config/config-keys.ts';
import { ConfigRefused } from '../../../shared/config/config-refused.ts';
import type { EffectiveConfig, GivenValue } from '../../../shared/config/effective-config.ts';
import { loadConfig } from '../../../shared/config/load-config.ts';
import { formatProblems } from '../../../shared/pipeline/format-problems.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

interface Said {
  readonly file?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly commandLine?: Partial<Record<ConfigKeyName, ConfigValue | null>>;
  readonly scopes?: readonly ConfigScope[];
}

const EVERYBODY = ['job manager', 'task manager', 'client'] as const;

async function load(t: TestContext, said: Said): Promise<EffectiveConfig> {
  const folder = temporaryFolder(t);
  const file = said.file === undefined ? null : join(folder, 'sluice.yaml');
  if (file !== null) writeFileSync(file, said.file ?? '');
  const commandLine = new Map<ConfigKeyName, GivenValue>();
  for (const [key, value] of Object.entries(said.commandLine ?? {})) {
    commandLine.set(key as ConfigKeyName, { value, origin: { from: 'command line', flag: '--x' } });
  }
  return loadConfig({
    file,
    environment: said.environment ?? {},
    commandLine,
    scopes: said.scopes ?? EVERYBODY,
    workingDirectory: '/here',
  });
}

async function mistakes(t: TestContext, said: Said): Promise<string> {
  const error = await load(t, said).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof ConfigRefused, 'there are mistakes');
  for (const problem of error.problems) {
    assert.equal(problem.code, 'CONFIG_INVALID');
    assert.equal(problem.domain, 'user');
  }
  return formatProblems(error.problems);
}

const FILE = 'jobManager: { restPort: 1 }';
const ENVIRONMENT = { SLUICE_REST_PORT: '2' };
const COMMAND_LINE = { 'jobManager.restPort': 3 } as const;

const PRECEDENCE: readonly (readonly [string, Said, number, string])[] = [
  ['nobody', {}, 8081, 'default'],
  ['the file', { file: FILE }, 1, 'file'],
  ['the environment', { environment: ENVIRONMENT }, 2, 'environment'],
  ['the command line', { commandLine: COMMAND_LINE }, 3, 'command line'],
  ['file and environment', { file: FILE, environment: ENVIRONMENT }, 2, 'environment'],
  ['file and command line', { file: FILE, commandLine: COMMAND_LINE }, 3, 'command line'],
  [
    'environment and command line',
    { environment: ENVIRONMENT, commandLine: COMMAND_LINE },
    3,
    'command line',
  ],
  [
    'all three',
    { file: FILE, environment: ENVIRONMENT, commandLine: COMMAND_LINE },
    3,
    'command line',
  ],
];

for (const [who, said, port, from] of PRECEDENCE) {
  test(`when ${who} says a value, then the ${from} holds`, async (t) => {
    const config = await load(t, said);
    assert.equal(config.get('jobManager.restPort'), port);
    assert.equal(config.entry('jobManager.restPort').origin.from, from);
    assert.equal(config.given('jobManager.restPort'), from === 'default' ? undefined : port);
  });
}

test('when one key is said above, then those beside it still come from the file', async (t) => {
  const config = await load(t, {
    file: 'jobManager: { restPort: 1, rpcPort: 2 }',
    environment: ENVIRONMENT,
  });
  assert.equal(config.get('jobManager.rpcPort'), 2);
});

test('when the command line takes a value away, then neither file nor environment bring it back', async (t) => {
  const config = await load(t, {
    file: 'storage: a',
    environment: { SLUICE_STORAGE: '/b' },
    commandLine: { storage: null },
  });
  assert.equal(config.get('storage'), null);
  assert.equal(config.given('storage'), undefined);
  assert.equal(config.entry('storage').origin.from, 'command line');
});

test('when variables hold lists, maps, durations, sizes and paths, then each is read as its type', async (t) => {
  const config = await load(t, {
    environment: {
      SLUICE_JOB_MANAGER_RPC: 'a:1,b:2',
      SLUICE_LABELS: 'zone=a, disk=ssd',
      SLUICE_HEARTBEAT_TIMEOUT: '1m',
      SLUICE_LOCAL_STATE_MAX: '2GiB',
      SLUICE_LOCAL_STATE: 'state',
      SLUICE_STORAGE: 'storage',
      SLUICE_INSECURE: 'true',
    },
  });
  assert.deepEqual(config.get('jobManager.address'), ['a:1', 'b:2']);
  assert.deepEqual(config.get('taskManager.labels'), { zone: 'a', disk: 'ssd' });
  assert.equal(config.get('jobManager.heartbeatTimeout'), 60_000);
  assert.equal(config.get('taskManager.localStateMax'), 2 * 1024 ** 3);
  assert.equal(config.get('taskManager.localState'), '/here/state');
  assert.equal(config.get('storage'), 'file:///here/storage');
  assert.equal(config.get('insecure'), true);
});

test('when a variable is empty, then it counts as not set', async (t) => {
  const config = await load(t, { file: FILE, environment: { SLUICE_REST_PORT: '' } });
  assert.equal(config.get('jobManager.restPort'), 1);
});

test('when variables are wrong, then all of them are named, with what is allowed', async (t) => {
  const printed = await mistakes(t, {
    file: 'hots: a\n',
    environment: {
      SLUICE_REST_PORT: '80801',
      SLUICE_RPC_PORT: '0x10',
      SLUICE_INSECURE: 'yes',
      SLUICE_LOG_LEVEL: 'loud',
      SLUICE_HEARTBEAT_INTERVAL: '2',
      SLUICE_SLOTS: '0',
      SLUICE_LABELS: 'zone',
      SLUICE_S3_ENDPOINT: 'minio:9000',
    },
  });
  assert.match(printed, /unknown key "hots"/);
  for (const line of [
    'SLUICE_REST_PORT must be a whole number from 0 to 65535, not 80801',
    'SLUICE_RPC_PORT must be a whole number from 0 to 65535, not "0x10"',
    'SLUICE_INSECURE must be true or false, not "yes"',
    'SLUICE_LOG_LEVEL must be one of debug, info, warn, error, not "loud"',
    'SLUICE_HEARTBEAT_INTERVAL must be a duration such as 500ms, 10s or 5m (from 1ms to 24h), not "2"',
    'SLUICE_SLOTS must be a whole number from 1 to 1024, not 0',
    'SLUICE_LABELS must be a map of at most 32 names to texts (name=value in one text), not "zone"',
    'SLUICE_S3_ENDPOINT must be an http:// or https:// URL, not "minio:9000"',
  ]) {
    assert.ok(printed.split('\n').includes(`the environment's ${line}`), `${line} in\n${printed}`);
  }
});

test('when a wrong variable is of no concern to a command, then it is not looked at', async (t) => {
  const environment = { SLUICE_SLOTS: 'many', SLUICE_JOB_MANAGER: 'http://there:1' };
  const config = await load(t, { environment, scopes: ['client'] });
  assert.equal(config.get('client.jobManager'), 'http://there:1');
  assert.equal(config.given('taskManager.slots'), undefined);
});

test('when token and token file are said in two places, then only the one above holds', async (t) => {
  const file = 'client: { token: abc }';
  const config = await load(t, { file, environment: { SLUICE_TOKEN_FILE: '/token' } });
  assert.equal(config.get('client.token'), null);
  assert.equal(config.get('client.tokenFile'), '/token');
});

const TOGETHER: readonly (readonly [string, Said, RegExp])[] = [
  [
    'TLS lacks a file',
    { file: 'tls: { certificate: a, key: b }' },
    /TLS needs "tls.authority" too/,
  ],
  [
    'heartbeats come more rarely than they are waited for',
    { file: 'jobManager: { heartbeatInterval: 5s }' },
    /"jobManager.heartbeatTimeout" must be longer than "jobManager.heartbeatInterval"/,
  ],
  [
    'a token is said twice in one place',
    { file: 'client: { token: a, tokenFile: b }' },
    /"client.token" and "client.tokenFile" are both given/,
  ],
  [
    'a key of KMS has no use',
    { environment: { SLUICE_S3_KMS_KEY_ID: 'k' } },
    /"s3.kmsKeyId" is for an "s3.encryption" of aws:kms[\s\S]*SLUICE_S3_KMS_KEY_ID/,
  ],
];

for (const [mistake, said, message] of TOGETHER) {
  test(`when ${mistake}, then that is told with who said it`, async (t) => {
    assert.match(await mistakes(t, said), message);
  });
}

test('when a server looks at a file, then only together-mistakes of its own keys stop it', async (t) => {
  const file = 'client: { token: a, tokenFile: b }\ntaskManager: { slots: 3 }';
  const config = await load(t, { file, scopes: ['task manager'] });
  assert.equal(config.get('taskManager.slots'), 3);
});

test('when the file is not there, then its path is told', async () => {
  const loading = loadConfig({
    file: '/nowhere/sluice.yaml',
    environment: {},
    commandLine: new Map(),
    scopes: EVERYBODY,
    workingDirectory: '/',
  });
  await assert.rejects(
    loading,
    /cannot read the configuration \/nowhere\/sluice.yaml: there is no/,
  );
});
