import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import { END_OF_INPUT } from '../../../shared/record/stream-event.ts';
import { systemClock } from '../../../shared/time/system-clock.ts';
import { NetworkHub } from '../../../taskmanager/network/network-hub.ts';
import { eventually } from '../../support/eventually.ts';
import {
  emitAll,
  failureOf,
  gateAt,
  partitionAt,
  receiveAll,
  startTaskManager,
} from './network-helpers.ts';

function assertFailure(error: Error, code: string, message: RegExp): void {
  assert.ok(error instanceof SluiceError);
  assert.equal(error.code, code, error.message);
  assert.match(error.message, message);
}

test('when the connection is lost, then both ends fail, naming the peer', async (context) => {
  const producer = await startTaskManager(context, 'tm-a');
  const consumer = await startTaskManager(context, 'tm-b');
  const proxy = await startProxy(context, producer.hub.address.port);
  const partition = partitionAt(producer, 'p');
  const gate = gateAt(consumer, 'p', { ...producer.hub.address, port: proxy.port });
  await emitAll(partition, [{ a: 1 }]);
  await eventually(() => gate.poll());
  const failures = Promise.all([failureOf(gate), failureOf(partition)]);
  for (const socket of proxy.sockets) socket.resetAndDestroy();
  const [atGate, atPartition] = await failures;
  assertFailure(atGate, 'NETWORK_CLOSED', /connection to task manager tm-a at 127\.0\.0\.1:\d+ is/);
  assertFailure(
    atPartition,
    'NETWORK_CLOSED',
    /connection to task manager tm-b at 127\.0\.0\.1:\d+/,
  );
});

test('when a peer falls silent, then both ends notice by its missing pings', async (context) => {
  const limits = { pingIntervalMs: 50, peerTimeoutMs: 400 };
  const producer = await startTaskManager(context, 'tm-a', limits);
  const consumer = await startTaskManager(context, 'tm-b', limits);
  const proxy = await startProxy(context, producer.hub.address.port);
  const partition = partitionAt(producer, 'p');
  const gate = gateAt(consumer, 'p', { ...producer.hub.address, port: proxy.port });
  await emitAll(partition, [{ a: 1 }]);
  await eventually(() => gate.poll());
  const failures = Promise.all([failureOf(gate), failureOf(partition)]);
  for (const socket of proxy.sockets) socket.unpipe().pause();
  const [atGate, atPartition] = await failures;
  assertFailure(atGate, 'TASK_MANAGER_LOST', /task manager tm-a at .* has been silent for \d+ ms/);
  assertFailure(atPartition, 'TASK_MANAGER_LOST', /task manager tm-b/);
});

test('when the producer has ended in order and gone, then its consumer is not disturbed', async (context) => {
  const producer = await startTaskManager(context, 'tm-a');
  const consumer = await startTaskManager(context, 'tm-b');
  const partition = partitionAt(producer, 'p');
  const gate = gateAt(consumer, 'p', producer.hub.address);
  await emitAll(partition, [{ a: 1 }, { a: 2 }]);
  partition.broadcastEvent(END_OF_INPUT);
  await partition.drained();
  partition.close();
  await producer.hub.close();
  assert.deepEqual(await receiveAll(gate), [{ a: 1 }, { a: 2 }]);
});

test('when nobody listens at the address, then the consumer fails with it', async (context) => {
  const consumer = await startTaskManager(context, 'tm-b');
  const { port } = (await startProxy(context, 1)).closeNow();
  const gate = gateAt(consumer, 'p', { taskManagerId: 'tm-a', host: '127.0.0.1', port });
  const failure = await failureOf(gate);
  assertFailure(
    failure,
    'NETWORK_UNREACHABLE',
    /cannot connect to task manager tm-a.*ECONNREFUSED/,
  );
});

test('when another task manager is at the address by now, then the consumer fails', async (context) => {
  const producer = await startTaskManager(context, 'tm-new');
  const consumer = await startTaskManager(context, 'tm-b');
  const gate = gateAt(consumer, 'p', { ...producer.hub.address, taskManagerId: 'tm-old' });
  assertFailure(await failureOf(gate), 'TASK_MANAGER_LOST', /tm-old.*is gone; task manager tm-new/);
});

test('when strangers connect, then they are shown out with a log line and harm nobody', async (context) => {
  const producer = await startTaskManager(context, 'tm-a', { connectTimeoutMs: 200 });
  const consumer = await startTaskManager(context, 'tm-b');
  const partition = partitionAt(producer, 'p');
  const received = receiveAll(gateAt(consumer, 'p', producer.hub.address));
  await emitAll(partition, [{ a: 1 }]);
  const { port } = producer.hub.address;
  const garbage = [
    Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
    Buffer.alloc(100_000, 0xff),
    Buffer.alloc(64),
    // A header that claims a large request before any hello.
    Buffer.from([0, 0x30, 0, 0, 0x4c, 0x53, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0]),
  ];
  for (const bytes of garbage) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.end(bytes);
    await closed(socket.resume());
  }
  const silent = connect(port, '127.0.0.1');
  silent.on('error', () => {});
  await closed(silent.resume());
  // Not a line for each: strangers shall not flood the log.
  assert.match(producer.logLines.join(), /sent bytes that are no frame/);
  await emitAll(partition, [{ a: 2 }]);
  partition.broadcastEvent(END_OF_INPUT);
  assert.deepEqual(await received, [{ a: 1 }, { a: 2 }]);
  assert.equal(producer.hub.connectionCount, 1);
});

test('when there are too many connections, then one more is refused', async (context) => {
  const { hub, logLines } = await startTaskManager(context, 'tm-a', { connectionsMax: 2 });
  const sockets = [0, 1, 2].map(() => connect(hub.address.port, '127.0.0.1').resume());
  context.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  for (const socket of sockets) socket.on('error', () => {});
  await Promise.race(sockets.map(closed));
  assert.equal(hub.connectionCount, 2);
  assert.match(logLines.join(), /too many connections/);
});

test('when the port is taken, then starting says so', async (context) => {
  const { hub } = await startTaskManager(context, 'tm-a');
  const { port } = hub.address;
  const options = { taskManagerId: 'tm-b', host: '127.0.0.1', port, clock: systemClock };
  await assert.rejects(
    NetworkHub.start(options),
    (error) => error instanceof SluiceError && error.code === 'PORT_IN_USE',
  );
});

/** Passes bytes on to the port on this machine; `sockets` are both sides of every connection. */
async function startProxy(
  context: TestContext,
  targetPort: number,
): Promise<{ port: number; sockets: Socket[]; closeNow: () => { port: number } }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    const target = connect(targetPort, '127.0.0.1');
    for (const each of [socket, target]) each.on('error', () => {});
    sockets.push(socket, target);
    socket.pipe(target).pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  context.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return {
    port,
    sockets,
    closeNow() {
      server.close();
      return { port };
    },
  };
}

/** Resolves when the socket is closed, with an error or without. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}
