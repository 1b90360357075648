import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPrintSink } from '../../../taskmanager/connectors/print/print-sink.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { fakeOperatorContext, recordOf } from './fake-operator-context.ts';

/** An output that keeps its callbacks until it is told to go on. */
class SlowOutput {
  text = '';
  readonly #waiting: ((error?: Error | null) => void)[] = [];

  write(text: string, done: (error?: Error | null) => void): void {
    this.text += text;
    this.#waiting.push(done);
  }

  drain(error: Error | null = null): void {
    for (const done of this.#waiting.splice(0)) done(error);
  }
}

test('when records are printed, then each is a JSON line with the fields asked for', async () => {
  const output = new SlowOutput();
  const { writer } = createPrintSink({ fields: ['label', 'model.name'] }, output);
  await writer.open(fakeOperatorContext(new FakeClock()), () => {});
  writer.write(recordOf({ label: 'car', model: { name: 'm' }, other: 1 }));
  writer.write(recordOf({ label: 'bus' }));
  assert.equal(
    output.text,
    '{"label":"car","model.name":"m"}\n{"label":"bus","model.name":null}\n',
  );
  output.drain();
  await writer.prepareCommit('all');
  await writer.close();
});

test('when the output is slow, then the writer is not ready until it has drained', async () => {
  const output = new SlowOutput();
  const { writer } = createPrintSink({}, output);
  let readyCalls = 0;
  await writer.open(fakeOperatorContext(new FakeClock()), () => {});
  writer.onReady(() => {
    readyCalls += 1;
  });
  const record = recordOf({ text: 'x'.repeat(1000) });
  let written = 0;
  for (; writer.isReady(); written += 1) writer.write(record);
  assert.ok(written > 1000 && written < 1100, `${written} lines of 1 KB fill 1 MiB`);
  let isFlushed = false;
  const flushed = writer.prepareCommit('all').then(() => {
    isFlushed = true;
  });
  await Promise.resolve();
  assert.equal(isFlushed, false);
  output.drain();
  await flushed;
  assert.equal(writer.isReady(), true);
  assert.equal(readyCalls, 1);
});

test('when the output is closed, then the task fails with one clear error', async () => {
  const output = new SlowOutput();
  const context = fakeOperatorContext(new FakeClock());
  const { writer } = createPrintSink({}, output);
  await writer.open(context, () => {});
  writer.write(recordOf({ a: 1 }));
  writer.write(recordOf({ a: 2 }));
  output.drain(new Error('EPIPE'));
  assert.equal(context.failures.length, 1);
  assert.match(String(context.failures[0]), /standard output is closed/);
  await assert.rejects(writer.prepareCommit('all'), /standard output is closed/);
});
