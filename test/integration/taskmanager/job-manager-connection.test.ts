import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { SluiceError, serializeError } from '../../../shared/errors/sluice-error.ts';
import { silentLogger } from '../../../shared/observability/logger.ts';
import type { JobManagerMessage } from '../../../shared/rpc/messages.ts';
import { systemClock } from '../../../shared/time/system-clock.ts';
import { JobManagerConnection } from '../../../taskmanager/rpc/job-manager-connection.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeJobManager, type FakeJobManagerOptions } from '../../support/fake-job-manager.ts';

const cleanUps: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

async function jobManager(options: FakeJobManagerOptions = {}): Promise<FakeJobManager> {
  const started = await FakeJobManager.start(options);
  cleanUps.push(() => started.stop());
  return started;
}

function connect(address: string) {
  const events: string[] = [];
  const messages: JobManagerMessage[] = [];
  const connection = new JobManagerConnection({
    address,
    clock: systemClock,
    random: () => 0,
    logger: silentLogger,
    registration: () => ({
      taskManagerId: 'tm-1',
      version: '0.1.0',
      dataHost: '127.0.0.1',
      dataPort: 7000,
      metricsAddress: '',
      slots: [{ device: 'cpu' }],
      labels: { zone: 'a' },
      executors: 2,
      draining: false,
      runningAttemptIds: ['job/v/0/0'],
      attempts: [],
      hostName: 'host',
      processId: 1,
      cpuCores: 2,
      memoryBytes: 1,
    }),
    heartbeat: () => ({
      subtasks: [],
      process: { rssBytes: 5, cpuCoresUsed: 0.5, eventLoopDelayMs: 1 },
    }),
    handler: {
      onMessage: (message) => messages.push(message),
      onRegistered: () => events.push('registered'),
      onLost: () => events.push('lost'),
      onRefused: (error) => events.push(`refused: ${error.message}`),
    },
  });
  cleanUps.push(() => connection.close('test ends', 500));
  connection.start();
  return { connection, events, messages };
}

describe('JobManagerConnection', () => {
  it('when the job manager is there, then it registers, sends heartbeats, takes commands', async () => {
    const manager = await jobManager();
    const { connection, events, messages } = connect(manager.address);
    await eventually(() => manager.all('heartbeat').length >= 2);
    const [registration] = manager.all('register');
    assert.deepEqual(registration?.registration.labels, { zone: 'a' });
    assert.deepEqual(registration?.registration.runningAttemptIds, ['job/v/0/0']);
    assert.deepEqual(events, ['registered']);
    manager.send('tm-1', { kind: 'cancel-task', attemptId: 'a' });
    await eventually(() => messages.length === 1);
    connection.send({ kind: 'split-request', attemptId: 'a', count: 3 });
    await eventually(() => manager.all('split-request').length === 1);
    assert.equal(manager.all('heartbeat')[0]?.process.rssBytes, 5);
  });

  it('when a standby names the leader, then it registers there', async () => {
    const leader = await jobManager({ epoch: 3 });
    const standby = await jobManager({
      answer: () => ({
        kind: 'refused',
        error: serializeError(
          new SluiceError('NOT_LEADER', 'a standby', {
            domain: 'external',
            context: { rpcAddress: leader.address },
          }),
        ),
      }),
    });
    const { events } = connect(standby.address);
    await eventually(() => leader.all('heartbeat').length > 0);
    assert.deepEqual(events, ['registered']);
    assert.equal(standby.all('register').length, 1);
  });

  it('when a job manager with a lower epoch comes back, then it is not obeyed', async () => {
    const leader = await jobManager({ epoch: 3 });
    const port = Number(leader.address.split(':')[1]);
    const { events, messages } = connect(leader.address);
    await eventually(() => events.length === 1);
    leader.stop();
    const deposed = await jobManager({ epoch: 2, port });
    await eventually(() => deposed.all('register').length > 1);
    assert.equal(deposed.all('heartbeat').length, 0);
    assert.deepEqual(events, ['registered', 'lost']);
    assert.deepEqual(messages, []);
    deposed.stop();
    const successor = await jobManager({ epoch: 4, port });
    await eventually(() => successor.all('heartbeat').length > 0);
    assert.deepEqual(events, ['registered', 'lost', 'registered']);
  });

  it('when nobody listens yet, then it tries until somebody does', async () => {
    const first = await jobManager();
    const port = Number(first.address.split(':')[1]);
    first.stop();
    const { events } = connect(`127.0.0.1:${port}`);
    const second = await jobManager({ port });
    await eventually(() => second.all('heartbeat').length > 0);
    assert.deepEqual(events, ['registered']);
  });

  it('when the job manager dies, then that is told once, and it registers with the next', async () => {
    const first = await jobManager();
    const { events } = connect(first.address);
    await eventually(() => events.length === 1);
    const port = Number(first.address.split(':')[1]);
    first.stop();
    await eventually(() => events.includes('lost'));
    const second = await jobManager({ port });
    await eventually(() => second.all('register').length === 1);
    await eventually(() => events.length === 3);
    assert.deepEqual(events, ['registered', 'lost', 'registered']);
  });

  it('when the job manager says nothing any more, then the stream is given up', async () => {
    const manager = await jobManager({ answersHeartbeats: false, heartbeatTimeoutMs: 300 });
    const { events } = connect(manager.address);
    await eventually(() => manager.all('register').length >= 2);
    assert.deepEqual(events.slice(0, 2), ['registered', 'lost']);
  });

  it('when it is refused, then it says why and gives up', async () => {
    const error = new SluiceError('ARGUMENT_INVALID', 'version 0.2.0 is wanted', {
      domain: 'user',
    });
    const manager = await jobManager({
      answer: () => ({ kind: 'refused', error: serializeError(error) }),
    });
    const { events, connection } = connect(manager.address);
    await eventually(() => events.length > 0);
    assert.deepEqual(events, ['refused: version 0.2.0 is wanted']);
    await connection.close('over', 100);
    assert.equal(manager.all('register').length, 1);
  });

  it('when it is closed, then it says goodbye, and nothing follows', async () => {
    const manager = await jobManager();
    const { connection, events } = connect(manager.address);
    await eventually(() => events.length === 1);
    await connection.close('the test is over', 1_000);
    await eventually(() => manager.all('leaving').length === 1);
    assert.equal(manager.all('leaving')[0]?.reason, 'the test is over');
    assert.equal(manager.heard.at(-1)?.kind, 'leaving');
  });
});
