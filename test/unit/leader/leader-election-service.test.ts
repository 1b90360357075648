import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ELECTION_TIMING } from '../../../jobmanager/leader-election/leader-election.ts';
import { LeaderElectionService } from '../../../jobmanager/leader-election/leader-election-service.ts';
import type { Leadership } from '../../../jobmanager/leader-election/leadership.ts';
import { MemoryFileSystem, MemoryStore } from '../../../shared/filesystem/memory-filesystem.ts';
import { silentLogger } from '../../../shared/observability/logger.ts';
import { readLease } from '../../../shared/rpc/leader-lease.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { rejectsWith } from '../../support/filesystem-helpers.ts';

const URI = 'memory://cluster/leader';

class Cluster {
  readonly clock = new FakeClock();
  readonly fileSystem = new MemoryFileSystem(new MemoryStore(), this.clock);

  candidate(leaderId: string, rpcAddress = `${leaderId}:6123`, outageMs = 0) {
    const heard: string[] = [];
    const terms: Leadership[] = [];
    const service = new LeaderElectionService({
      ...ELECTION_TIMING,
      outageMs,
      leaderId,
      rpcAddress,
      restAddress: `http://${leaderId}:8081`,
      hostName: 'host',
      fileSystem: this.fileSystem,
      uri: URI,
      clock: this.clock,
      logger: silentLogger,
      onElected: (leadership) => {
        heard.push(`elected ${leadership.epoch}`);
        terms.push(leadership);
      },
      onDeposed: (epoch) => heard.push(`deposed ${epoch}`),
    });
    service.start();
    return { service, heard, terms };
  }
}

test('when a leader falls silent, then a standby leads after the lease has run out, not before', async () => {
  const cluster = new Cluster();
  const first = cluster.candidate('a');
  await cluster.clock.advance(100);
  const second = cluster.candidate('b');
  await cluster.clock.advance(20_000);
  assert.deepEqual([first.heard, second.heard], [['elected 1'], []]);
  assert.equal(second.service.lease?.rpcAddress, 'a:6123');
  first.service.close();
  await cluster.clock.advance(1_900);
  assert.deepEqual(second.heard, []);
  await cluster.clock.advance(2_000);
  assert.deepEqual(second.heard, ['elected 2']);
  assert.equal(second.terms[0]?.isValid(), true);
  assert.equal(await first.terms[0]?.confirm(), false);
  assert.equal(first.terms[0]?.isValid(), false);
});

test('when a leader stops in order, then a standby leads at its next look', async () => {
  const cluster = new Cluster();
  const first = cluster.candidate('a');
  await cluster.clock.advance(100);
  const second = cluster.candidate('b');
  await cluster.clock.advance(1_000);
  const released = first.service.release();
  await cluster.clock.advance(ELECTION_TIMING.pollMs + 50);
  await released;
  assert.deepEqual(first.heard, ['elected 1', 'deposed 1']);
  assert.deepEqual(second.heard, ['elected 2']);
});

test('when a leader comes back at its address, then it leads at once, in a new epoch', async () => {
  const cluster = new Cluster();
  const before = cluster.candidate('a', 'host:6123');
  await cluster.clock.advance(100);
  before.service.close();
  const after = cluster.candidate('a2', 'host:6123');
  await cluster.clock.advance(10);
  assert.deepEqual(after.heard, ['elected 2']);
});

test('when the storage fails for too long, then the leader steps down and leads anew once it answers', async () => {
  const cluster = new Cluster();
  const only = cluster.candidate('a');
  await cluster.clock.advance(100);
  const { put } = cluster.fileSystem;
  cluster.fileSystem.put = () => Promise.reject(new Error('503'));
  await cluster.clock.advance(2_000);
  assert.deepEqual(only.heard, ['elected 1']);
  await cluster.clock.advance(1_000);
  assert.deepEqual(only.heard, ['elected 1', 'deposed 1']);
  cluster.fileSystem.put = put;
  await cluster.clock.advance(1_000);
  assert.deepEqual(only.heard, ['elected 1', 'deposed 1', 'elected 2']);
});

test('when the storage is away for less than an outage may take, then the leader goes on in its epoch', async () => {
  const cluster = new Cluster();
  const first = cluster.candidate('a', 'a:6123', 60_000);
  await cluster.clock.advance(100);
  const second = cluster.candidate('b', 'b:6123', 60_000);
  await cluster.clock.advance(100);
  const { put, read } = cluster.fileSystem;
  cluster.fileSystem.put = () => Promise.reject(new Error('503'));
  cluster.fileSystem.read = () => Promise.reject(new Error('503'));
  await cluster.clock.advance(30_000);
  assert.equal(first.terms[0]?.isValid(), true);
  Object.assign(cluster.fileSystem, { put, read });
  await cluster.clock.advance(30_000);
  assert.deepEqual([first.heard.length, second.heard.length], [1, 0]);
});

test('when a leader is cut off from the storage, then it stops when it hears of its successor', async () => {
  const cluster = new Cluster();
  const first = cluster.candidate('a', 'a:6123', 60_000);
  await cluster.clock.advance(100);
  const { put, read } = cluster.fileSystem;
  cluster.fileSystem.put = () => Promise.reject(new Error('503'));
  cluster.fileSystem.read = () => Promise.reject(new Error('503'));
  await cluster.clock.advance(2_000);
  assert.equal(first.terms[0]?.isValid(), true);
  const lease = await read.call(cluster.fileSystem, URI);
  const taken = { ...JSON.parse(Buffer.from(lease.bytes).toString()), leaderId: 'b', epoch: 2 };
  await put.call(cluster.fileSystem, URI, Buffer.from(JSON.stringify(taken)));
  Object.assign(cluster.fileSystem, { put, read });
  await cluster.clock.advance(1_000);
  assert.deepEqual(first.heard, ['elected 1', 'deposed 1']);
});

test('when a record has a higher epoch, then the leader begins a term above it', async () => {
  const cluster = new Cluster();
  const only = cluster.candidate('a');
  await cluster.clock.advance(100);
  only.terms[0]?.superseded(7);
  await cluster.clock.advance(100);
  assert.deepEqual(only.heard, ['elected 1', 'deposed 1', 'elected 8']);
});

test('when the lease is no lease, then nobody leads and reading it says why', async () => {
  const cluster = new Cluster();
  await cluster.fileSystem.put(URI, Buffer.from('{}'));
  const only = cluster.candidate('a');
  await cluster.clock.advance(10_000);
  assert.deepEqual(only.heard, []);
  await rejectsWith('PROTOCOL_VIOLATION', readLease(cluster.fileSystem, URI));
});
