import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBlackholeSink } from '../../../taskmanager/connectors/blackhole/blackhole-sink.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { fakeOperatorContext, recordOf } from './fake-operator-context.ts';

test('when there is a delay, then records take it one after the other', async () => {
  const clock = new FakeClock();
  const { writer } = createBlackholeSink({ delay: 100 });
  let readyCalls = 0;
  await writer.open(fakeOperatorContext(clock), () => {});
  writer.onReady(() => {
    readyCalls += 1;
  });
  writer.write(recordOf({}));
  writer.write(recordOf({}));
  assert.equal(writer.isReady(), false);
  await clock.advance(199);
  assert.equal(writer.isReady(), false);
  let isFlushed = false;
  const flushed = writer.prepareCommit('all').then(() => {
    isFlushed = true;
  });
  await clock.advance(0);
  assert.equal(isFlushed, false);
  await clock.advance(1);
  await flushed;
  assert.equal(writer.isReady(), true);
  assert.equal(readyCalls, 1);
  await writer.close();
});

test('when there is no delay, then it is always ready', async () => {
  const { writer, committer } = createBlackholeSink({ delay: 0 });
  await writer.open(fakeOperatorContext(new FakeClock()), () => {});
  writer.write(recordOf({}));
  assert.equal(writer.isReady(), true);
  assert.deepEqual(await writer.prepareCommit('all'), []);
  assert.equal(committer, null);
});

test('when it is closed while a record waits, then a pre-commit does not hang', async () => {
  const clock = new FakeClock();
  const { writer } = createBlackholeSink({ delay: 100 });
  await writer.open(fakeOperatorContext(clock), () => {});
  writer.write(recordOf({}));
  const flushed = writer.prepareCommit('all');
  await writer.close();
  await flushed;
});
