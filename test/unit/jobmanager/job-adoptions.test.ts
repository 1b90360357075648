import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type AdoptableJob, JobAdoptions } from '../../../jobmanager/dispatcher/job-adoptions.ts';
import { silentLogger } from '../../../shared/observability/logger.ts';
import type { TaskManagerRegistration } from '../../../shared/rpc/messages.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const TASK_MANAGERS = ['tm-1', 'tm-2'];

/** A job with a subtask on each task manager; says when it goes on, and how many of them run. */
class Bench {
  readonly clock = new FakeClock();
  readonly wentOn: number[] = [];
  readonly adoptions = new JobAdoptions({
    clock: this.clock,
    logger: {
      ...silentLogger,
      info: (fields) => this.wentOn.push((fields as { running: number }).running),
    },
    onReady: () => {},
  });

  constructor() {
    const attempts = TASK_MANAGERS.map((taskManagerId, subtask) => ({
      vertexId: 'v',
      subtask,
      attempt: 0,
      slot: { taskManagerId, slotIndex: 0, device: 'cpu', labels: {} },
    }));
    const record = {
      jobId: 'job',
      jobGraph: { name: 'job', vertices: [] },
      execution: { attempts },
    };
    this.adoptions.add({ record, recovery: () => null } as unknown as AdoptableJob);
  }

  register(taskManagerId: string, hasTask: boolean): void {
    const report = {
      attemptId: `job/v/${TASK_MANAGERS.indexOf(taskManagerId)}/0`,
      slotIndex: 0,
      state: 'RUNNING',
      error: null,
      checkpointIdSeen: 0,
      source: null,
    };
    const registration = { taskManagerId, attempts: hasTask ? [report] : [] };
    this.adoptions.onRegistered(registration as unknown as TaskManagerRegistration);
    this.adoptions.check();
  }
}

describe('JobAdoptions', () => {
  it('when all attempts were reported, then the job goes on at once', () => {
    const bench = new Bench();
    bench.register('tm-1', true);
    assert.deepEqual(bench.wentOn, []);
    bench.register('tm-2', true);
    assert.deepEqual(bench.wentOn, [2]);
  });

  it('when a task manager comes without its attempt, then the job does not wait for that', () => {
    const bench = new Bench();
    bench.register('tm-1', false);
    bench.register('tm-1', false);
    assert.deepEqual(bench.wentOn, []);
    bench.register('tm-2', true);
    assert.deepEqual(bench.wentOn, [1]);
  });

  it('when one that came without it is lost again, then the job waits for its time', async () => {
    const bench = new Bench();
    bench.register('tm-1', false);
    bench.adoptions.onTaskManagerLost('tm-1');
    bench.register('tm-2', true);
    assert.deepEqual(bench.wentOn, []);
    await bench.clock.advance(5_000);
    assert.deepEqual(bench.wentOn, [1]);
  });
});
