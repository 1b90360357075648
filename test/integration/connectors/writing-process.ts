/** Writes rows to the folder in its argument until it is killed. */
import { systemClock } from '../../../shared/time/system-clock.ts';
import { createFilesSink } from '../../../taskmanager/connectors/files-sink/files-sink.ts';
import { uncheckpointed } from '../../support/sink-operators.ts';
import { fakeOperatorContext, recordOf } from '../../unit/connectors/fake-operator-context.ts';

const context = fakeOperatorContext(systemClock);
const sink = createFilesSink(
  {
    path: `file://${process.argv[2]}`,
    format: 'jsonl',
    roll: { size: 2_000_000, age: 60_000 },
  },
  context.fileSystems,
);
const operator = uncheckpointed(sink, context);
await operator.open(null);
for (let n = 0; ; n += 1) {
  operator.processElement(recordOf({ n, text: 'x'.repeat(1000) }));
  while (!operator.isReady()) await new Promise((resolve) => setImmediate(resolve));
  if (n % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
}
