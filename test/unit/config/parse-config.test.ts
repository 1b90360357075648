import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CONFIG_BYTES_MAX,
  parseConfig,
  readConfigFile,
} from '../../../shared/config/read-config-file.ts';
import { formatProblems } from '../../../shared/pipeline/format-problems.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const read = (text: string) => parseConfig({ fileName: '/etc/sluice/sluice.yaml', text });

function valuesOf(text: string): Record<string, unknown> {
  const { given, problems } = read(text);
  assert.deepEqual(problems, []);
  return Object.fromEntries([...given].map(([key, { value }]) => [key, value]));
}

test('when a file says everything in its own units, then values are what the options want', () => {
  const values = valuesOf(`
host: 0.0.0.0
storage: state
insecure: true
tls: { certificate: tls/tls.crt, key: /keys/tls.key, authority: ../ca.crt }
s3: { endpoint: "http://minio:9000", pathStyle: false, encryption: aws:kms }
jobManager:
  address: [jm-1:6123, jm-2:6123]
  restPort: 0
  heartbeatInterval: 1.5s
  stabilisation: 0s
taskManager: { localStateMax: 64MiB, labels: { zone: a, disk: "1" }, slots: 4 }
`);
  assert.deepEqual(values, {
    host: '0.0.0.0',
    storage: 'file:///etc/sluice/state',
    insecure: true,
    'tls.certificate': '/etc/sluice/tls/tls.crt',
    'tls.key': '/keys/tls.key',
    'tls.authority': '/etc/ca.crt',
    's3.endpoint': 'http://minio:9000',
    's3.pathStyle': false,
    's3.encryption': 'aws:kms',
    'jobManager.address': ['jm-1:6123', 'jm-2:6123'],
    'jobManager.restPort': 0,
    'jobManager.heartbeatInterval': 1500,
    'jobManager.stabilisation': 0,
    'taskManager.localStateMax': 64 * 1024 ** 2,
    'taskManager.labels': { zone: 'a', disk: '1' },
    'taskManager.slots': 4,
  });
});

test('when a list is one text, then its parts are between the commas', () => {
  const values = valuesOf('jobManager: { address: "a:1, b:2" }');
  assert.deepEqual(values, { 'jobManager.address': ['a:1', 'b:2'] });
});

test('when a storage is a URI, then it stays one', () => {
  assert.deepEqual(valuesOf('storage: s3://bucket/sluice'), { storage: 's3://bucket/sluice' });
});

test('when a file holds only comments, or sections with nothing in them, then it sets nothing', () => {
  assert.deepEqual(valuesOf('# host: 0.0.0.0\n\n  # more\n'), {});
  assert.deepEqual(valuesOf('client:\ntls: {}\n'), {});
});

test('when a value stands on a line, then its origin names file and line', () => {
  const { given } = read('host: a\n\njobManager:\n  restPort: 1\n');
  const file = '/etc/sluice/sluice.yaml';
  assert.deepEqual(given.get('host')?.origin, { from: 'file', file, line: 1 });
  assert.deepEqual(given.get('jobManager.restPort')?.origin, { from: 'file', file, line: 4 });
});

test('when a line with a token has a mistake, then the token is in no message', () => {
  for (const text of [
    'client: { token: [geheim] }\n',
    'client:\n  token: geheim\n  token: geheim\n',
    'client: { token: "geheim\n',
    'client:\n  token: geheim\n  tokn: x\n',
  ]) {
    const printed = formatProblems(read(text).problems);
    assert.notEqual(printed, '');
    assert.doesNotMatch(printed, /geheim/);
  }
});

test('when the top is no map, then the file is no configuration', () => {
  assert.match(formatProblems(read('- a\n').problems), /a configuration is a map of keys/);
  assert.match(formatProblems(read('just text\n').problems), /a configuration is a map of keys/);
});

test('when keys are names that objects have, then they are unknown like any other', () => {
  const { problems } = read(
    '__proto__: { restPort: 1 }\nconstructor: x\njobManager: { toString: 1 }',
  );
  assert.deepEqual(
    problems.map(({ message }) => message),
    ['unknown key "__proto__"', 'unknown key "constructor"', 'unknown key "jobManager.toString"'],
  );
});

test('when a file is longer than a configuration may be, then no more of it is read', async (t) => {
  const { writeFile } = await import('node:fs/promises');
  const path = `${temporaryFolder(t)}/sluice.yaml`;
  await writeFile(path, `host: a\n#${'x'.repeat(CONFIG_BYTES_MAX)}\n`);
  const { problems } = await readConfigFile(path);
  assert.match(formatProblems(problems), /a configuration may have 262144/);
  // A device never ends.
  const endless = await readConfigFile('/dev/zero');
  assert.match(formatProblems(endless.problems), /a configuration may have 262144/);
});
