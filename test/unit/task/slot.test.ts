import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TaskDeployment } from '../../../shared/job-graph/task-deployment.ts';
import { Slot } from '../../../taskmanager/slots/slot.ts';
import type {
  SlotCommand,
  SlotReport,
  ThreadEnd,
} from '../../../taskmanager/slots/slot-messages.ts';
import type { SlotThread, SlotThreadEvents } from '../../../taskmanager/slots/slot-thread.ts';
import { FakeClock } from '../../support/fake-clock.ts';

class FakeThread implements SlotThread {
  readonly commands: SlotCommand[] = [];
  readonly #events: SlotThreadEvents;

  constructor(events: SlotThreadEvents) {
    this.#events = events;
  }

  post(command: SlotCommand): void {
    this.commands.push(command);
  }

  terminate(): void {
    this.end(null);
  }

  end(end: ThreadEnd): void {
    this.#events.onEnd(end);
  }

  /** Has a piece of state stored. */
  ask(): void {
    const target = { jobId: 'job', attemptId: 'a', checkpointId: 1, directory: 'memory://a' };
    const piece = { ...target, scope: 'checkpoint', bytes: new Uint8Array(1) } as const;
    this.#events.onReport({ kind: 'store-piece', requestId: 1, piece });
  }

  report(attemptId: string, state: 'RUNNING' | 'FINISHED' | 'CANCELED'): void {
    const update = { attemptId, state, error: null, metrics: null };
    this.#events.onReport({ kind: 'task-state', update });
  }
}

function slotUnderTest() {
  const clock = new FakeClock();
  const threads: FakeThread[] = [];
  const reports: SlotReport[] = [];
  const replies: ((command: SlotCommand) => void)[] = [];
  const slot = new Slot({
    index: 3,
    clock,
    startThread: (events) => {
      const thread = new FakeThread(events);
      threads.push(thread);
      return thread;
    },
    onReport: (report, reply) => {
      reports.push(report);
      replies.push(reply);
    },
    cancellationTimeoutMs: 10_000,
  });
  const states = () =>
    reports.map((report) =>
      report.kind === 'task-state' ? `${report.update.attemptId} ${report.update.state}` : '',
    );
  return { clock, threads, reports, replies, slot, states };
}

const deployment = (attemptId: string) => ({ attemptId }) as TaskDeployment;
const stored = { handle: { kind: 'inline', base64: '' }, error: null } as const;
const crash: ThreadEnd = {
  code: 'INTERNAL',
  message: 'an element completes once',
  domain: 'internal',
  retry: 'none',
  context: {},
  causes: [],
};

describe('Slot', () => {
  it('when the thread dies, then its tasks have failed with the cause and a new one starts', () => {
    const { slot, threads, reports, states } = slotUnderTest();
    slot.deploy(deployment('a'));
    slot.deploy(deployment('b'));
    threads[0]?.report('a', 'FINISHED');
    threads[0]?.end(crash);
    assert.deepEqual(states(), ['a FINISHED', 'b FAILED']);
    const [, failed] = reports;
    assert.ok(failed?.kind === 'task-state');
    assert.match(failed.update.error?.message ?? '', /slot 3 ended: an element completes once/);
    slot.deploy(deployment('c'));
    assert.equal(threads.length, 2);
    assert.deepEqual(
      threads[1]?.commands.map(({ kind }) => kind),
      ['deploy'],
    );
  });

  it('when a task is cancelled and ends in time, then the thread lives on', async () => {
    const { slot, threads, clock, states } = slotUnderTest();
    slot.deploy(deployment('a'));
    slot.cancel('a');
    slot.cancel('a');
    assert.equal(threads[0]?.commands.filter(({ kind }) => kind === 'cancel').length, 1);
    threads[0]?.report('a', 'CANCELED');
    await clock.advance(60_000);
    assert.deepEqual(states(), ['a CANCELED']);
    assert.deepEqual(slot.attemptIds, []);
  });

  it('when a cancelled task hangs, then its thread is ended, and the others have failed', async () => {
    const { slot, clock, states } = slotUnderTest();
    slot.deploy(deployment('a'));
    slot.deploy(deployment('b'));
    slot.cancel('a');
    await clock.advance(9_999);
    assert.deepEqual(states(), []);
    await clock.advance(1);
    assert.deepEqual(states(), ['a CANCELED', 'b FAILED']);
  });

  it('when a late report comes for what was ended by force, then it is not heard', async () => {
    const { slot, threads, clock, states } = slotUnderTest();
    slot.deploy(deployment('a'));
    slot.cancel('a');
    await clock.advance(10_000);
    threads[0]?.report('a', 'FINISHED');
    assert.deepEqual(states(), ['a CANCELED']);
  });

  it('when a thread has died, then an answer to it goes to no other thread', () => {
    const { slot, threads, replies } = slotUnderTest();
    slot.deploy(deployment('a'));
    threads[0]?.ask();
    threads[0]?.ask();
    const answer = { kind: 'piece-stored', requestId: 1, result: stored } as const;
    replies[0]?.(answer);
    assert.deepEqual(threads[0]?.commands.at(-1), answer);
    threads[0]?.end(crash);
    slot.deploy(deployment('b'));
    replies[1]?.(answer);
    assert.deepEqual(
      threads.map(({ commands }) => commands.map(({ kind }) => kind)),
      [['deploy', 'piece-stored'], ['deploy']],
    );
  });

  it('when there is news of a checkpoint, then the thread hears of it', () => {
    const { slot, threads } = slotUnderTest();
    const complete = { kind: 'checkpoint-complete', attemptId: 'a', checkpointId: 7 } as const;
    slot.checkpoint(complete);
    assert.equal(threads.length, 0, 'nothing is started for it');
    slot.deploy(deployment('a'));
    slot.checkpoint(complete);
    assert.deepEqual(threads[0]?.commands.at(-1), complete);
  });

  it('when it is stopped, then the thread is asked, and ended by force only after the time', async () => {
    const willing = slotUnderTest();
    willing.slot.warmUp();
    const stopped = willing.slot.stop(1_000);
    assert.deepEqual(willing.threads[0]?.commands, [{ kind: 'stop' }]);
    willing.threads[0]?.end(null);
    await stopped;

    const hanging = slotUnderTest();
    hanging.slot.deploy(deployment('a'));
    const forced = hanging.slot.stop(1_000);
    await hanging.clock.advance(1_000);
    await forced;
    assert.deepEqual(hanging.states(), ['a FAILED']);
  });
});
