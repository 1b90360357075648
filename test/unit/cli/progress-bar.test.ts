import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { ProgressBar } from '../../../cli/output/progress-bar.ts';
import { progressLine } from '../../../cli/output/progress-line.ts';
import type { JobDetail } from '../../../shared/rest/rest-types.ts';
import { jobDetail } from './job-details.ts';

/** 30 of 40 read, of which 10 were dropped by a filter, 2 rejected, 3 are still inside. */
const HALFWAY = jobDetail({
  progress: {
    recordsRead: 30,
    recordsDone: 27,
    recordsTotal: 40,
    discoveryComplete: true,
    recordsWritten: { rows: 15 },
    recordsRejected: 2,
    recordsPerSecond: 123.4,
    latencyP99Ms: 87,
  },
});

class FakeStream {
  readonly isTTY: boolean;
  columns: number | undefined;
  readonly written: string[] = [];

  constructor(options: { isTTY: boolean; columns?: number }) {
    this.isTTY = options.isTTY;
    this.columns = options.columns;
  }

  write(text: string): void {
    this.written.push(text);
  }
}

const shown = (job: JobDetail, width: number): string =>
  stripVTControlCharacters(progressLine(job, width));

describe('progressLine', () => {
  it('when the total is known, then the bar shows what is done, filtered records included', () => {
    assert.equal(
      shown(HALFWAY, 100),
      `${'█'.repeat(16)}${'░'.repeat(8)}  27/40  123/s  p99 87 ms  2 rejected`,
    );
  });

  it('when the job restarts, then the line says of what', () => {
    const error = {
      code: 'TASK_MANAGER_LOST',
      message: 'task manager tm-2 fell silent',
      domain: 'external',
      retry: 'restart-job',
      context: {},
      causes: [],
    } as const;
    const at = { at: '', vertexId: null, subtask: null, taskManagerId: null };
    const exceptions = [{ error, ...at, outcome: 'restarted' }] as const;
    const restarting = jobDetail({ state: 'RESTARTING', restarts: 2, exceptions });
    assert.equal(shown(restarting, 80), 'restarting: task manager tm-2 fell silent  2 restarts');
    const after = { ...HALFWAY, restarts: 1, exceptions };
    assert.match(shown(after, 100), /27\/40 .* 2 rejected {2}1 restart$/);
  });

  it('when the width is small, then the bar shrinks first and the facts go from the end', () => {
    assert.deepEqual(
      [58, 50, 42, 38, 25, 12, 5, 3].map((width) => shown(HALFWAY, width)),
      [
        '██████████████░░░░░░░  27/40  123/s  p99 87 ms  2 rejected',
        '█████████░░░░  27/40  123/s  p99 87 ms  2 rejected',
        '███░░  27/40  123/s  p99 87 ms  2 rejected',
        '27/40  123/s  p99 87 ms  2 rejected',
        '27/40  123/s  p99 87 ms',
        '27/40  123/s',
        '27/40',
        '27/',
      ],
    );
  });

  it('when it is any job at any width, then the line fits', () => {
    const states = ['CREATED', 'WAITING_FOR_RESOURCES', 'RUNNING', 'STOPPING', 'FINISHED'] as const;
    const count = fc.integer({ min: 0, max: 10 ** 12 });
    const job = fc.record({ state: fc.constantFrom(...states), bounded: fc.boolean() });
    const progress = fc.record({
      recordsRead: count,
      recordsDone: count,
      recordsTotal: fc.option(count),
      discoveryComplete: fc.boolean(),
      recordsRejected: count,
      recordsPerSecond: fc.double({ min: 0, max: 1e9, noNaN: true }),
      latencyP99Ms: fc.double({ min: 0, max: 1e7, noNaN: true }),
    });
    fc.assert(
      fc.property(job, progress, fc.integer({ min: 1, max: 200 }), (head, numbers, width) => {
        const line = shown(jobDetail({ ...head, progress: numbers }), width);
        assert.ok(line.length <= width, `${line.length} > ${width}: ${line}`);
        assert.doesNotMatch(line, /[\r\n]|NaN|Infinity|undefined/);
      }),
    );
  });

  it('when nobody knows how much there is, then there is a count and no bar', () => {
    const watching = jobDetail({ ...HALFWAY, bounded: false });
    assert.match(shown(watching, 80), /^27 done {2}123\/s/);
    const endless = jobDetail({ progress: { ...HALFWAY.progress, recordsTotal: null } });
    assert.match(shown(endless, 80), /^27 done/);
  });

  it('when files are still being found, then the total says so', () => {
    const progress = { ...HALFWAY.progress, discoveryComplete: false };
    assert.match(shown(jobDetail({ progress }), 80), /27\/40\+/);
  });

  it('when the job waits for slots, then the line says for what', () => {
    const job = jobDetail({
      state: 'WAITING_FOR_RESOURCES',
      waitingReason: 'needs 4 cpu slots, 2 free',
    });
    assert.equal(shown(job, 80), 'waiting for resources: needs 4 cpu slots, 2 free');
  });

  it('when the job is stopping, then the line says so', () => {
    assert.match(shown(jobDetail({ ...HALFWAY, state: 'STOPPING' }), 80), /stopping$/);
  });
});

describe('ProgressBar', () => {
  it('when it draws on a terminal, then over the last line, only when it changed, and is wiped', () => {
    const stream = new FakeStream({ isTTY: true, columns: 40 });
    const bar = new ProgressBar({ enabled: true, stream });
    bar.update(HALFWAY, 0);
    bar.update(HALFWAY, 200);
    bar.update(jobDetail(), 400);
    bar.clear();
    bar.clear();
    assert.equal(stream.written.length, 3);
    assert.ok(stream.written.every((text) => text.startsWith('\r\u001b[2K')));
    assert.ok(stream.written.every((text) => stripVTControlCharacters(text).trim().length < 40));
    assert.equal(stream.written.at(-1), '\r\u001b[2K');
  });

  for (const columns of [0, undefined]) {
    it(`when the terminal says it has ${columns} columns, then 80 are taken`, () => {
      const stream = new FakeStream({ isTTY: true });
      stream.columns = columns;
      new ProgressBar({ enabled: true, stream }).update(HALFWAY, 0);
      assert.match(stream.written[0] ?? '', /2 rejected/);
    });
  }

  it('when it is no terminal, then a line every five seconds, none for a short job', () => {
    const stream = new FakeStream({ isTTY: false });
    const bar = new ProgressBar({ enabled: true, stream });
    for (let nowMs = 0; nowMs < 5_000; nowMs += 200) bar.update(HALFWAY, nowMs);
    assert.deepEqual(stream.written, []);
    for (let nowMs = 5_000; nowMs < 15_000; nowMs += 200) bar.update(HALFWAY, nowMs);
    bar.clear();
    const line = '27/40  123/s  p99 87 ms  2 rejected\n';
    assert.deepEqual(stream.written, [line, line]);
  });

  it('when progress is not wanted, then nothing is written', () => {
    const stream = new FakeStream({ isTTY: true, columns: 80 });
    const bar = new ProgressBar({ enabled: false, stream });
    bar.update(HALFWAY, 0);
    bar.clear();
    assert.deepEqual(stream.written, []);
  });
});
