import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LogRequests } from '../../../jobmanager/resource-manager/log-requests.ts';
import type { JobManagerMessage } from '../../../shared/rpc/messages.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const PART = { start: 0, end: 4, offset: 0, text: Buffer.from('one\n') };

function connection() {
  const sent: JobManagerMessage[] = [];
  return { sent, send: (message: JobManagerMessage) => void sent.push(message), close() {} };
}

function requestIdOf(message: JobManagerMessage | undefined): number {
  assert.ok(message?.kind === 'read-log');
  return message.requestId;
}

test('when a task manager answers, then whoever asked gets the part, and late answers nobody', async () => {
  const logs = new LogRequests(new FakeClock());
  const there = connection();
  const asked = logs.ask('tm', there, { length: 10 });
  const requestId = requestIdOf(there.sent[0]);
  // Not from another one.
  logs.answered(connection(), { kind: 'log-part', requestId, part: null });
  logs.answered(there, { kind: 'log-part', requestId, part: PART });
  logs.answered(there, { kind: 'log-part', requestId, part: null });
  assert.equal(await asked, PART);
});

test('when a task manager is silent, is lost, or keeps none, then the error says so', async () => {
  const clock = new FakeClock();
  const logs = new LogRequests(clock);
  const there = connection();
  const silent = logs.ask('tm', there, { length: 10 });
  clock.advance(10_000);
  await assert.rejects(silent, { code: 'NETWORK_TIMEOUT', message: /tm did not send its log/u });
  const lost = logs.ask('tm', there, { length: 10 });
  logs.lost(there, 'it left');
  await assert.rejects(lost, { code: 'TASK_MANAGER_LOST', message: /it left/u });
  const none = logs.ask('tm', there, { length: 10 });
  const requestId = requestIdOf(there.sent.at(-1));
  logs.answered(there, { kind: 'log-part', requestId, part: null });
  await assert.rejects(none, { code: 'RESOURCE_UNAVAILABLE' });
});

test('when too many ask at a time, then one more is refused, and may ask again later', async () => {
  const logs = new LogRequests(new FakeClock());
  const there = connection();
  const asked = Array.from({ length: 16 }, () => logs.ask('tm', there, { length: 10 }));
  await assert.rejects(logs.ask('tm', there, { length: 10 }), { code: 'RESOURCE_UNAVAILABLE' });
  const all = Promise.allSettled(asked);
  logs.lost(there, 'it left');
  await all;
  const again = logs.ask('tm', there, { length: 10 });
  logs.answered(there, { kind: 'log-part', requestId: requestIdOf(there.sent.at(-1)), part: PART });
  assert.equal(await again, PART);
});
