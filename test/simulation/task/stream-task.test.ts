/**
 * A task with a random chain (synchronous operators that drop and multiply, asynchronous ones that
 * complete in random order and reject, ordered or not), fed and drained at random, on a fake clock.
 *
 * Safety, whatever happens: no record overtakes an event, none is lost or comes twice, no operator
 * has more in flight than it allows, nothing leaves for an output without room, and there is exactly
 * one end, with every operator closed once. Liveness: fed to the end and drained, the task finishes.
 *
 * Replay one run: SIMULATION_SEED=<seed> npx node --test test/simulation/task/stream-task.test.ts
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import type { OperatorNode } from '../../../shared/job-graph/job-graph.ts';
import { END_OF_INPUT } from '../../../shared/record/stream-event.ts';
import { StreamRecord } from '../../../shared/record/stream-record.ts';
import type { OperatorBody } from '../../../taskmanager/operators/runtime/operator-body.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import {
  DelayingFunction,
  MappingOperator,
  RecordingWriter,
} from '../../support/fake-operators.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import {
  chainOf,
  FakeInputGate,
  FakeResultPartition,
  node,
  record,
  TaskHarness,
} from '../../support/task-harness.ts';

const RUNS = 150;
const RECORDS_MAX = 60;

interface Simulated {
  readonly random: SeededRandom;
  readonly clock: FakeClock;
  readonly gate: FakeInputGate;
  readonly partition: FakeResultPartition;
  readonly harness: TaskHarness;
  readonly functions: DelayingFunction[];
  readonly operators: MappingOperator[];
  readonly deadLetters: RecordingWriter;
  readonly isOrdered: boolean;
  /** Copies of each record that leave, where nothing rejects it. */
  readonly copies: number;
}

/** Records whose number is a multiple of this are rejected by the first asynchronous operator. */
const REJECTED_EVERY = 7;

function simulate(seed: number): Simulated {
  const random = new SeededRandom(seed);
  const clock = new FakeClock();
  const gate = new FakeInputGate();
  const partition = new FakeResultPartition(random.integer(1, 3));
  const functions: DelayingFunction[] = [];
  const operators: MappingOperator[] = [];
  const bodies: Record<string, () => OperatorBody> = {};
  const deadLetters = new RecordingWriter();
  let copies = 1;
  let isOrdered = true;
  const ids = Array.from({ length: random.integer(1, 4) }, (_, index) => `operator-${index}`);
  for (const id of ids) {
    const times = random.chance(0.2) ? 2 : 1;
    copies *= times;
    if (random.chance(0.4)) {
      const operator = new MappingOperator((r) => Array.from({ length: times }, () => r));
      operators.push(operator);
      bodies[id] = () => ({ sort: 'synchronous', operator });
      continue;
    }
    const rejects = functions.length === 0;
    const ordered = random.chance(0.5);
    isOrdered &&= ordered;
    const work = (r: StreamRecord) => {
      const delayMs = random.integer(0, 20);
      const isBad = rejects && Number(r.value['n']) % REJECTED_EVERY === 0;
      const error = new SluiceError('IMAGE_CORRUPT', 'bad', { domain: 'user' });
      return isBad ? { delayMs, error } : { delayMs };
    };
    const concurrency = random.integer(1, 5);
    const fn = new DelayingFunction({ clock, concurrency, ordered, work, copies: times });
    functions.push(fn);
    bodies[id] = () => ({ sort: 'asynchronous', function: fn });
  }
  bodies['rejected'] = () => ({ sort: 'sink', sink: { writer: deadLetters, committer: null } });
  const chain: OperatorNode[] = [
    ...chainOf(...ids),
    node('rejected', ids[0] ?? null, 'sink/dead-letters'),
  ];
  const harness = new TaskHarness({
    clock,
    operators: chain,
    bodies,
    gates: [gate],
    partitions: { [ids.at(-1) ?? '']: partition },
  });
  const parts = { random, clock, gate, partition, harness, functions, operators, deadLetters };
  return { ...parts, isOrdered, copies };
}

/** Feeds random batches and watermarks; gives the numbers fed and how many stood before each mark. */
async function drive(run: Simulated, steps: number): Promise<{ fed: number; marks: number[] }> {
  const { random, clock, gate, partition, harness } = run;
  let fed = 0;
  const marks: number[] = [];
  for (let step = 0; step < steps; step += 1) {
    const choice = random.integer(0, 4);
    if (choice === 0 && fed < RECORDS_MAX) {
      const size = random.integer(1, 8);
      gate.pushRecords(
        0,
        Array.from({ length: size }, (_, index) => record(fed + index)),
      );
      fed += size;
    } else if (choice === 1) {
      if (marks.at(-1) !== fed) gate.pushEvent(0, { kind: 'watermark', timestampMs: fed });
      if (marks.at(-1) !== fed) marks.push(fed);
    } else if (choice === 2) {
      partition.take(random.integer(1, 4));
    } else {
      await clock.advance(random.integer(1, 15));
    }
    await harness.run();
  }
  return { fed, marks };
}

function checkSafety(run: Simulated): void {
  for (const fn of run.functions) {
    assert.ok(fn.inFlightMax <= fn.concurrency, 'no more in flight than allowed');
  }
  // One input may have several results: what they exceed the room by is bounded by them.
  assert.ok(run.copies > 1 || run.partition.overdraft === 0, 'nothing leaves without room');
}

/** No record of a later stretch stands before the mark, none of an earlier one behind it. */
function checkEvents(run: Simulated): void {
  let markMs = Number.NEGATIVE_INFINITY;
  let highest = Number.NEGATIVE_INFINITY;
  for (const element of run.partition.taken) {
    if (element instanceof StreamRecord) {
      const n = Number(element.value['n']);
      assert.ok(n >= markMs, `record ${n} came behind the mark ${markMs} of later records`);
      highest = Math.max(highest, n);
      continue;
    }
    if (element.kind !== 'watermark') continue;
    assert.ok(highest < element.timestampMs, `record ${highest} overtook ${element.timestampMs}`);
    markMs = element.timestampMs;
  }
}

async function finishes(seed: number): Promise<void> {
  const run = simulate(seed);
  run.harness.task.start();
  const { fed, marks } = await drive(run, 80);
  run.gate.pushEvent(0, END_OF_INPUT);
  for (let step = 0; step < 2_000 && run.harness.state !== 'FINISHED'; step += 1) {
    run.partition.take();
    await run.harness.run();
    await run.clock.advance(5);
  }
  run.partition.take();
  await run.harness.run();
  assert.deepEqual(run.harness.states, ['INITIALIZING', 'RUNNING', 'FINISHED']);
  checkSafety(run);
  checkEvents(run);
  const rejects = run.functions.length > 0;
  const expected = Array.from({ length: fed }, (_, n) => n).filter(
    (n) => !rejects || n % REJECTED_EVERY !== 0,
  );
  const passed = expected.flatMap((n) => Array.from({ length: run.copies }, () => n));
  const seen = run.isOrdered
    ? run.partition.numbers
    : run.partition.numbers.toSorted((a, b) => a - b);
  assert.deepEqual(seen, passed);
  const watermarks = run.partition.taken.flatMap((element) =>
    !(element instanceof StreamRecord) && element.kind === 'watermark' ? [element.timestampMs] : [],
  );
  assert.deepEqual(watermarks, marks);
  assert.deepEqual(run.partition.taken.at(-1), END_OF_INPUT);
  const isRejectedOnce = rejects && run.copies === 1;
  if (isRejectedOnce) assert.equal(run.deadLetters.written.length, fed - expected.length);
}

async function endsOnce(seed: number): Promise<void> {
  const run = simulate(seed);
  run.harness.task.start();
  await drive(run, run.random.integer(0, 40));
  const fails = run.random.chance(0.5);
  if (fails) run.gate.breakDown(new Error('the connection broke'));
  else run.harness.task.cancel();
  const taken = run.partition.taken.length + run.partition.buffersQueued;
  await drive(run, 40);
  assert.equal(run.harness.state, fails ? 'FAILED' : 'CANCELED');
  const ends = run.harness.states.filter(
    (state) => state !== 'INITIALIZING' && state !== 'RUNNING',
  );
  assert.equal(ends.length, 1);
  const left = run.partition.taken.length + run.partition.buffersQueued;
  assert.equal(left, taken, 'nothing is emitted after the end');
  for (const closed of [...run.functions, ...run.operators]) assert.equal(closed.closed, 1);
  assert.equal(run.deadLetters.calls.filter((call) => call === 'close').length, 1);
  assert.ok(run.gate.isClosed && run.partition.isClosed);
  checkSafety(run);
  checkEvents(run);
}

async function withReplay(seed: number, run: (seed: number) => Promise<void>): Promise<void> {
  try {
    await run(seed);
  } catch (error) {
    const file = 'test/simulation/task/stream-task.test.ts';
    console.error(`replay: SIMULATION_SEED=${seed} npx node --test ${file}`);
    throw error;
  }
}

const given = process.env['SIMULATION_SEED'];
const seeds =
  given === undefined ? Array.from({ length: RUNS }, (_, index) => index + 1) : [Number(given)];

describe('simulated tasks', () => {
  it('when the input ends, then every record has left once and behind no later event', async () => {
    for (const seed of seeds) await withReplay(seed, finishes);
  });

  it('when a task fails or is cancelled anywhere, then it ends once and closes everything', async () => {
    for (const seed of seeds) await withReplay(seed, endsOnce);
  });
});
