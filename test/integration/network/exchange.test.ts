import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { END_OF_INPUT } from '../../../shared/record/stream-event.ts';
import { systemClock } from '../../../shared/time/system-clock.ts';
import { NetworkHub } from '../../../taskmanager/network/network-hub.ts';
import { emitAll, gateAt, partitionAt, receiveAll, startTaskManager } from './network-helpers.ts';

test('when records go from one task manager to another, then they arrive once and in order', async (context) => {
  const producer = await startTaskManager(context, 'tm-a');
  const consumer = await startTaskManager(context, 'tm-b');
  const values = Array.from({ length: 5000 }, (_, sequence) => ({
    sequence,
    text: 'é'.repeat(sequence % 50),
    // Some larger than a buffer, as tensors are.
    filling: new Uint8Array(sequence % 1000 === 0 ? 300_000 : sequence % 100).fill(sequence),
  }));
  const partition = partitionAt(producer, 'p');
  const gate = gateAt(consumer, 'p', producer.hub.address);
  const received = receiveAll(gate);
  await emitAll(partition, values);
  partition.broadcastEvent(END_OF_INPUT);
  await partition.drained();
  partition.close();
  assert.deepEqual(await received, values);
  assert.equal(gate.bytesIn, partition.bytesOut);
  gate.close();
});

test('when two task managers read from each other many times, then each keeps one connection a way', async (context) => {
  const a = await startTaskManager(context, 'tm-a');
  const b = await startTaskManager(context, 'tm-b');
  const exchanges = Array.from({ length: 20 }, async (_, index) => {
    const [from, to] = index % 2 === 0 ? [a, b] : [b, a];
    const partition = partitionAt(from, `p${index}`);
    const received = receiveAll(gateAt(to, `p${index}`, from.hub.address));
    await emitAll(partition, [{ index }]);
    partition.broadcastEvent(END_OF_INPUT);
    assert.deepEqual(await received, [{ index }]);
  });
  await Promise.all(exchanges);
  assert.equal(a.hub.connectionCount, 2);
  assert.equal(b.hub.connectionCount, 2);
});

test('when producer and consumer share a slot, then nothing leaves its thread', async (context) => {
  const taskManager = await startTaskManager(context, 'tm-a');
  const partition = partitionAt(taskManager, 'p');
  const received = receiveAll(gateAt(taskManager, 'p', taskManager.hub.address));
  await emitAll(partition, [{ a: 1 }]);
  partition.broadcastEvent(END_OF_INPUT);
  assert.deepEqual(await received, [{ a: 1 }]);
  assert.equal(taskManager.hub.connectionCount, 0);
});

for (const placement of ['one task manager', 'two task managers'] as const) {
  test(`when slots are threads of ${placement}, then buffers pass between them`, async (context) => {
    const producing = await startHub(context, 'tm-a');
    const consuming =
      placement === 'one task manager' ? producing : await startHub(context, 'tm-b');
    const count = 50_000;
    startSlot(context, producing, { role: 'producer', count });
    const consumer = startSlot(context, consuming, {
      role: 'consumer',
      address: producing.address,
    });
    assert.deepEqual(await once(consumer, 'message'), ['flowing']);
    const [message] = await once(consumer, 'message');
    assert.deepEqual(
      message.sequences,
      Array.from({ length: count }, (_, sequence) => sequence),
    );
    assert.equal(producing.connectionCount, placement === 'one task manager' ? 0 : 1);
  });

  test(`when the thread of a producer in ${placement} ends, then its consumer hears of it`, async (context) => {
    const producing = await startHub(context, 'tm-a');
    const consuming =
      placement === 'one task manager' ? producing : await startHub(context, 'tm-b');
    const producer = startSlot(context, producing, { role: 'producer', count: 1e9 });
    const consumer = startSlot(context, consuming, {
      role: 'consumer',
      address: producing.address,
    });
    assert.deepEqual(await once(consumer, 'message'), ['flowing']);
    await producer.terminate();
    const [message] = await once(consumer, 'message');
    assert.match(message.failure, /the connection to a slot of/);
  });
}

async function startHub(context: TestContext, taskManagerId: string): Promise<NetworkHub> {
  const options = { taskManagerId, host: '127.0.0.1', port: 0, clock: systemClock };
  const hub = await NetworkHub.start(options);
  context.after(() => hub.close());
  return hub;
}

function startSlot(context: TestContext, hub: NetworkHub, data: object): Worker {
  const port = hub.connectSlot();
  const worker = new Worker(new URL('./slot-thread.ts', import.meta.url), {
    workerData: { ...data, port },
    transferList: [port],
  });
  context.after(() => worker.terminate());
  return worker;
}
