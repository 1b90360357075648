/** Checkpoints of two tasks and the exchange between them, while the second one's sink is blocked. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TaskRestore } from '../../../shared/checkpoint/snapshot.ts';
import type { TaskDeployment } from '../../../shared/job-graph/task-deployment.ts';
import { StreamRecord } from '../../../shared/record/stream-record.ts';
import type { OperatorBody } from '../../../taskmanager/operators/runtime/operator-body.ts';
import type { SourceReader } from '../../../taskmanager/operators/source-reader.ts';
import { DelayingFunction } from '../../support/fake-operators.ts';
import { barrier, chainOf, FakeResultPartition, TaskHarness } from '../../support/task-harness.ts';
import { ExchangePair } from '../network/exchange-pair.ts';

const COUNT = 900;
const filling = new Uint8Array(4_000);

/** Counts from where it is told to begin. */
function counter(): SourceReader<number> {
  let next = 0;
  return {
    open(_context, _onAvailable, restored) {
      next = restored?.[0] ?? 0;
    },
    addSplits() {},
    noMoreSplits() {},
    pollNext(collect) {
      if (next === COUNT) return 'nothing-available';
      const source = { uri: `file:///${next}`, etag: 'e' };
      collect(new StreamRecord({ n: next, filling }, next, 0, source, null, null));
      next += 1;
      return 'more-available';
    },
    snapshotState: () => [next],
    close() {},
  };
}

const EDGE = 'numbers->rows';
const partitionId = `job/numbers/0/0#${EDGE}`;

class TwoTasks {
  readonly pair = new ExchangePair();
  /** Behind it is whatever blocks. */
  readonly output: FakeResultPartition;
  readonly producer: TaskHarness;
  readonly consumer: TaskHarness;

  constructor(options: {
    readonly alignmentTimeoutMs: number;
    readonly ordered?: boolean;
    readonly capacity: number;
    readonly restore?: { readonly producer: TaskRestore; readonly consumer: TaskRestore };
  }) {
    const { alignmentTimeoutMs, ordered = true, restore } = options;
    const clock = this.pair.world;
    const { network } = this.pair;
    const address = { taskManagerId: 'tm', host: '127.0.0.1', port: 1 };
    this.output = new FakeResultPartition(options.capacity);
    const common = { clock, mode: 'exactly-once', alignmentTimeoutMs } as const;
    const output = {
      partitioner: { kind: 'forward' },
      subpartitions: 1,
      maxParallelism: 8,
    } as const;
    const outputs: TaskDeployment['outputs'] = [
      { partitionId, sourceOperator: 'numbers', ...output },
    ];
    this.producer = new TaskHarness({
      ...common,
      operators: chainOf('numbers'),
      bodies: { numbers: (): OperatorBody => ({ sort: 'source', reader: counter() }) },
      exchanges: { network, inputs: [], outputs },
      restore: restore?.producer ?? null,
    });
    const wait = new DelayingFunction({
      clock,
      concurrency: 16,
      ordered,
      work: () => ({ delayMs: 1 }),
    });
    this.consumer = new TaskHarness({
      ...common,
      operators: chainOf('wait'),
      bodies: { wait: (): OperatorBody => ({ sort: 'asynchronous', function: wait }) },
      exchanges: {
        network: {
          createInputGate: (descriptor) => network.createInputGate(descriptor),
          createResultPartition: () => this.output,
        },
        inputs: [{ edgeId: EDGE, channels: [{ partitionId, subpartition: 0, producer: address }] }],
        outputs: [{ partitionId: 'job/rows/0/0#out', sourceOperator: 'wait', ...output }],
      },
      restore: restore?.consumer ?? null,
    });
    this.producer.task.start();
    this.consumer.task.start();
  }

  /** Until nothing moves, for so long of simulated time. */
  async run(durationMs: number): Promise<void> {
    for (let passedMs = 0; passedMs < durationMs; passedMs += 1) {
      await this.producer.run();
      await this.consumer.run();
      this.pair.pass(1);
    }
    await this.producer.run();
    await this.consumer.run();
  }

  async runToTheEnd(): Promise<number[]> {
    for (let rounds = 0; rounds < 10_000; rounds += 1) {
      await this.run(4);
      this.output.take();
      if (this.output.numbers.length + this.output.buffersQueued >= COUNT) break;
    }
    return this.output.numbers;
  }

  get acknowledged(): boolean {
    const both = [this.producer, this.consumer];
    return both.every(({ acknowledged }) => acknowledged.includes(1));
  }
}

async function blockedTasks(alignmentTimeoutMs: number, ordered = true): Promise<TwoTasks> {
  const tasks = new TwoTasks({ alignmentTimeoutMs, ordered, capacity: 8 });
  await tasks.run(40);
  assert.equal(tasks.output.isAvailable(), false, 'the sink is blocked');
  tasks.producer.task.triggerCheckpoint(barrier(1));
  return tasks;
}

async function assertExact(tasks: TwoTasks): Promise<void> {
  const restore = {
    producer: tasks.producer.restoreOf(1),
    consumer: tasks.consumer.restoreOf(1),
  };
  // What left the consumer before its snapshot lies in front of the barrier.
  tasks.output.take();
  const barrierAt = tasks.output.taken.findIndex((element) => !(element instanceof StreamRecord));
  const before = tasks.output.taken
    .slice(0, barrierAt)
    .map((element) => (element as StreamRecord).value['n'] as number);
  const capacity = Number.POSITIVE_INFINITY;
  const next = new TwoTasks({ alignmentTimeoutMs: 0, capacity, restore });
  const after = await next.runToTheEnd();
  const all = [...before, ...after].toSorted((a, b) => a - b);
  assert.deepEqual(
    all,
    Array.from({ length: COUNT }, (_, index) => index),
  );
}

describe('a checkpoint while the sink is blocked', () => {
  for (const ordered of [true, false]) {
    const order = ordered ? 'in order' : 'out of order';
    it(`when barriers overtake, then it is done, and exact when restored (${order})`, async () => {
      const tasks = await blockedTasks(0, ordered);
      await tasks.run(3);
      assert.equal(tasks.acknowledged, true);
      const producer = tasks.producer.restoreOf(1).channels;
      const consumer = tasks.consumer.restoreOf(1);
      assert.deepEqual(
        [...producer, ...consumer.channels].map(({ direction }) => direction),
        ['output', 'input'],
      );
      assert.equal(consumer.operators['wait']?.lists['in-flight']?.handles.length, 1);
      await assertExact(tasks);
    });
  }

  it('when alignment takes too long, then barriers overtake at every step', async () => {
    const tasks = await blockedTasks(20);
    await tasks.run(15);
    assert.equal(tasks.acknowledged, false);
    await tasks.run(30);
    assert.equal(tasks.acknowledged, true);
    await assertExact(tasks);
  });

  it('when nothing is blocked, then a barrier with a time-out is aligned', async () => {
    const tasks = new TwoTasks({ alignmentTimeoutMs: 1_000, capacity: 1_000_000 });
    await tasks.run(5);
    tasks.producer.task.triggerCheckpoint(barrier(1));
    await tasks.runToTheEnd();
    assert.equal(tasks.acknowledged, true);
    assert.deepEqual(tasks.producer.restoreOf(1).channels, []);
    assert.deepEqual(tasks.consumer.restoreOf(1).channels, []);
    await assertExact(tasks);
  });
});
