import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FilesCommitter } from '../../../taskmanager/connectors/files-sink/files-committer.ts';
import {
  partFileName,
  partFileWriter,
} from '../../../taskmanager/connectors/files-sink/part-file-name.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { fakeOperatorContext } from './fake-operator-context.ts';

const OPERATOR = { prefix: 'part', operatorId: 'a 1', jobId: 'job-7', extension: 'jsonl' };

test('when a part file has a name, then its writer is known from it, and nobody else is', () => {
  const name = partFileName({ ...OPERATOR, subtaskIndex: 3, attempt: 2 }, 15);
  assert.deepEqual(partFileWriter(OPERATOR, name), { subtaskIndex: 3, attempt: 2 });
  for (const other of [
    { prefix: 'rejected' },
    { operatorId: 'a' },
    { operatorId: 'a 1-3' },
    { jobId: 'job' },
    { jobId: '7' },
    { extension: 'csv' },
  ]) {
    assert.equal(partFileWriter({ ...OPERATOR, ...other }, name), null);
  }
});

test('when subtasks are gone, then the first one aborts what they left, and no other does', async () => {
  const path = 'memory://files-committer/out';
  const context = fakeOperatorContext(new FakeClock(), { ...OPERATOR, parallelism: 2, attempt: 4 });
  const fileSystem = context.fileSystems.forUri(path);
  const begun = [
    { subtaskIndex: 0, attempt: 3 },
    { subtaskIndex: 1, attempt: 3 },
    { subtaskIndex: 2, attempt: 3 },
    { subtaskIndex: 2, attempt: 4 },
  ];
  for (const writer of begun) {
    const name = partFileName({ ...OPERATOR, ...writer }, 0);
    const file = await fileSystem.openWriter(`${path}/${name}`);
    await file.write(new Uint8Array(1));
    await file.closeForCommit();
  }
  const committer = new FilesCommitter(context.fileSystems, { ...OPERATOR, path });
  const left = async (subtaskIndex: number) => {
    await committer.recover({ ...context, subtaskIndex }, []);
    const { files } = await fileSystem.listPending(path);
    return files.map(({ uri }) => uri.slice(path.length + 1)).sort();
  };
  const names = ['part-a_1-0-job-7-3-0', 'part-a_1-2-job-7-3-0', 'part-a_1-2-job-7-4-0'];
  assert.deepEqual(
    await left(1),
    names.map((name) => `${name}.jsonl`),
  );
  assert.deepEqual(await left(0), ['part-a_1-2-job-7-4-0.jsonl']);
});
