/** `sluice audit` on a finished job, then with rows and thumbnails taken away and doubled by hand. */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { AuditReport } from '../../cli/audit/audit-report.ts';
import { startEmbeddedCluster } from '../../cli/embedded-cluster.ts';
import { eventually } from '../support/eventually.ts';
import { writeMainJob } from '../support/job-pipelines.ts';
import { sluice } from '../support/sluice-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { EXAMPLE_IMAGES, EXAMPLE_MODEL } from '../support/watch-job.ts';

test('sluice audit', async (t) => {
  const folder = temporaryFolder(t);
  const images = join(folder, 'in');
  const output = join(folder, 'out');
  mkdirSync(images);
  cpSync(join(EXAMPLE_IMAGES, 'camera-2'), images, { recursive: true });
  writeFileSync(join(images, 'broken.jpg'), 'this is no image');
  const pipeline = writeMainJob(folder, { images, model: EXAMPLE_MODEL, output });
  const objects = readdirSync(images).length;
  const cluster = await startEmbeddedCluster({
    restPort: 0,
    storage: null,
    device: 'cpu',
    fileSystemOptions: {},
    slots: 1,
    executors: 1,
  });
  t.after(() => cluster.stop());
  const submitted = await cluster.client.submitJob({
    pipeline: readFileSync(pipeline, 'utf8'),
    fileName: pipeline,
    baseDirectory: folder,
    parameters: {},
  });
  assert.ok(submitted.kind === 'submitted');
  const { id } = submitted;
  await eventually(async () => (await cluster.client.job(id)).state === 'FINISHED', {
    timeoutMs: 60_000,
    message: 'the job did not finish',
  });
  const where = ['--job-manager', cluster.address];

  await t.test('when the job has done its work, then it is exact', async () => {
    const { code, stdout, stderr } = await sluice(['audit', id.slice(0, 6), ...where]);
    assert.deepEqual([code, stderr], [0, ''], stdout);
    assert.match(stdout, new RegExp(`^${objects} object versions, 1 dead letters\n`));
    assert.match(stdout, /\nexact: /);
  });

  await t.test(
    'when only the file is there, then it says the same without a job manager',
    async () => {
      const { code, stdout } = await sluice(['audit', '--pipeline', pipeline, '--json']);
      const report = JSON.parse(stdout) as AuditReport;
      assert.deepEqual([code, report.exact, report.objects], [0, true, objects]);
      assert.deepEqual(report.offences, []);
    },
  );

  await t.test('when a row is doubled and a thumbnail gone, then both are named', async () => {
    const results = join(output, 'results');
    const [first = ''] = readdirSync(results);
    const [row = ''] = readFileSync(join(results, first), 'utf8').split('\n');
    appendFileSync(join(results, first), `${row}\n`);
    const [thumbnail = ''] = readdirSync(join(output, 'thumbnails'));
    rmSync(join(output, 'thumbnails', thumbnail));
    const { code, stdout } = await sluice(['audit', id, '--json', ...where]);
    const report = JSON.parse(stdout) as AuditReport;
    assert.deepEqual([code, report.exact], [1, false]);
    assert.deepEqual(report.offences.map(({ kind, sink }) => `${kind} ${sink}`).toSorted(), [
      'double results',
      'missing thumbnails',
    ]);
    const { uri } = JSON.parse(row) as { readonly uri: string };
    assert.equal(report.offences.find(({ kind }) => kind === 'double')?.uri, uri);
    const text = await sluice(['audit', id, ...where]);
    assert.match(text.stdout, /\n {2}missing in thumbnails: file:\/\//);
    assert.match(text.stdout, /\n {2}2 in results: file:\/\//);
    assert.match(text.stdout, /\nnot exact\n$/);
  });

  await t.test(
    'when the results are lost, then every object is missing, and twenty are named',
    async () => {
      rmSync(join(output, 'results'), { recursive: true });
      const { code, stdout } = await sluice(['audit', id, ...where]);
      assert.equal(code, 1);
      assert.equal(stdout.match(/\n {2}missing in /g)?.length, 20);
      assert.match(stdout, /\n {2}… and [1-9]\d* more; --json lists all\n/);
    },
  );

  await t.test(
    'when neither a job nor a file is given, or both, then that is refused',
    async () => {
      for (const args of [[], [id, '--pipeline', pipeline]]) {
        const { code, stderr } = await sluice(['audit', ...args, ...where]);
        assert.equal(code, 2);
        assert.match(
          stderr,
          /^error ARGUMENT_INVALID: an audit is of a job or of a pipeline file\n/,
        );
      }
      const unknown = await sluice(['audit', 'beef', ...where]);
      assert.deepEqual([unknown.code, /JOB_NOT_FOUND/.test(unknown.stderr)], [2, true]);
    },
  );
});
