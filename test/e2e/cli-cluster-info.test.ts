/** The commands that show a running cluster and take task managers out of it. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type {
  ClusterOverview,
  ConfigAnswer,
  HealthAnswer,
  JobDetail,
  JobException,
  JobSummary,
  LogAnswer,
  SubtaskDetail,
  TaskManagerInfo,
  VertexSummary,
} from '../../shared/rest/rest-types.ts';
import { eventually } from '../support/eventually.ts';
import { startLocalCluster } from '../support/local-cluster.ts';
import { SluiceProcess, sluice } from '../support/sluice-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

test('the commands about a cluster', async (t) => {
  const folder = temporaryFolder(t);
  const logFile = join(folder, 'logs', 'sluice.log');
  const cluster = await startLocalCluster(t, ['-n', '2', '--slots', '3'], {
    env: { SLUICE_LOG_FILE: logFile },
  });
  const { where } = cluster;
  const path = join(folder, 'endless.yaml');
  writeFileSync(
    path,
    'name: endless\nparallelism: 2\ncheckpoints: { interval: 1s }\nnodes:\n' +
      '  numbers: { source: datagen, keys: 10, rateMax: 500 }\n' +
      '  nowhere: { sink: blackhole, from: numbers }\n',
  );
  const submitted = await sluice(['submit', path, '--detached', ...where]);
  assert.equal(submitted.code, 0, submitted.stderr);
  const id = submitted.stdout.trim();
  const job = () => cluster.json<JobDetail>(['job', id]);
  await eventually(async () => ((await job()).checkpoints?.counts.completed ?? 0) > 0, {
    timeoutMs: 30_000,
  });

  await t.test('when the cluster is asked about, then it tells of itself', async () => {
    const info = await cluster.json<ClusterOverview>(['cluster', 'info']);
    assert.equal(info.taskManagers, 2);
    const health = await cluster.json<HealthAnswer>(['cluster', 'health']);
    assert.equal(health.role, 'leader');
    const { options } = await cluster.json<ConfigAnswer>(['cluster', 'config']);
    assert.equal(options['restPort'], Number(new URL(cluster.restAddress).port));
    const texts = await Promise.all(
      ['info', 'health', 'config'].map((command) => sluice(['cluster', command, ...where])),
    );
    assert.match(texts[0]?.stdout ?? '', /^slots +4 of 6 free$/mu);
    assert.equal(texts[1]?.stdout, 'ok: leader\n');
    assert.match(texts[2]?.stdout ?? '', /^heartbeatTimeoutMs +\d+$/mu);
  });

  await t.test('when jobs are filtered, then only those are listed', async () => {
    const running = await cluster.json<JobSummary[]>(['jobs', '--state', 'running']);
    assert.deepEqual(
      running.map((each) => each.id),
      [id],
    );
    assert.deepEqual(await cluster.json(['jobs', '--state', 'FAILED', '--limit', '5']), []);
    const wrong = await sluice(['jobs', '--state', 'resting', ...where]);
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /WAITING_FOR_RESOURCES/u);
  });

  await t.test('when parts of a job are asked for, then they come', async () => {
    const vertices = await cluster.json<VertexSummary[]>(['job', id, '--vertices']);
    assert.deepEqual(
      vertices.map(({ id: vertex, tasks }) => [vertex, tasks]),
      [['numbers', { RUNNING: 2 }]],
    );
    const subtasks = ['job', id, '--vertex', 'numbers', '--subtasks'];
    assert.equal((await cluster.json<SubtaskDetail[]>(subtasks)).length, 2);
    assert.deepEqual(await cluster.json<JobException[]>(['job', id, '--exceptions']), []);
    const table = await sluice(['job', id, '--vertices', ...where]);
    assert.match(table.stdout, /^numbers +numbers → nowhere +cpu +2 .* 2 running$/mu);
    const none = await sluice(['job', id, '--vertex', 'nothing', ...where]);
    assert.deepEqual([none.code, none.stdout], [2, '']);
    assert.match(none.stderr, /VERTEX_NOT_FOUND.*"nothing"\n.*try: .*--vertices/u);
    const alone = await sluice(['job', id, '--subtasks', ...where]);
    assert.equal(alone.code, 2);
    const latest = (await job()).checkpoints?.latest?.id ?? 0;
    const checkpoint = await sluice(['checkpoints', id, '--checkpoint', `${latest}`, ...where]);
    assert.match(checkpoint.stdout, new RegExp(`^ +${latest} +checkpoint +completed`, 'mu'));
  });

  const [first, second] = await cluster.json<TaskManagerInfo[]>(['task-managers']);
  assert.ok(first !== undefined && second !== undefined);

  await t.test('when logs are asked for, then each process shows its own', async () => {
    const log = await sluice(['logs', '--tail', '2', ...where]);
    assert.equal(log.stdout.trimEnd().split('\n').length, 2, log.stdout);
    const part = await cluster.json<LogAnswer>(['logs', first.id]);
    assert.match(part.text, /"msg":"registered"/u);
    assert.equal(part.next, part.end);
    const nobody = await sluice(['logs', 'nobody', ...where]);
    assert.deepEqual([nobody.code, nobody.stdout], [2, '']);
    assert.match(nobody.stderr, /TASK_MANAGER_NOT_FOUND/u);
  });

  await t.test('when a log file is set, then each process writes one of its own', () => {
    const path = join(folder, 'logs', 'jobmanager.log');
    assert.ok(existsSync(path));
    assert.match(readFileSync(path, 'utf8'), /"msg":"job manager listens"/u);
  });

  await t.test('when a task manager drains, then its log says so to whoever follows', async () => {
    const following = new SluiceProcess(['logs', '--follow', '--tail', '1', ...where]);
    await following.until(/\{/u);
    const drained = await sluice(['drain', first.id, '--wait', ...where]);
    assert.equal(drained.code, 0, drained.stderr);
    assert.match(drained.stdout, /has drained: nothing runs there any more$/mu);
    const info = await cluster.json<TaskManagerInfo>(['task-managers', first.id]);
    assert.equal(info.state, 'DRAINED');
    const { vertices, state } = await job();
    assert.equal(state, 'RUNNING');
    for (const subtask of vertices.flatMap(({ subtasks }) => subtasks)) {
      assert.equal(subtask.taskManagerId, second.id);
    }
    await following.until(new RegExp(`${first.id}.*drain|drain.*${first.id}`, 'u'));
    following.child.kill('SIGTERM');
    await following.ended;
  });
});
