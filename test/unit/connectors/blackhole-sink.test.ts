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
  await clock.advance(1);
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

test('when a record waits, then a checkpoint does not', async () => {
  const clock = new FakeClock();
  const { writer } = createBlackholeSink({ delay: 100 });
  await writer.open(fakeOperatorContext(clock), () => {});
  writer.write(recordOf({}));
  assert.deepEqual(await writer.prepareCommit('all'), []);
  assert.equal(writer.isReady(), false);
  await writer.close();
});
