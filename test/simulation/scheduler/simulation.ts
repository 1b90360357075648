import assert from 'node:assert/strict';
import { Dispatcher } from '../../../jobmanager/dispatcher/dispatcher.ts';
import { ResourceManager } from '../../../jobmanager/resource-manager/resource-manager.ts';
import type { CreateEnumerator } from '../../../jobmanager/sources/create-enumerator.ts';
import { DatagenEnumerator } from '../../../jobmanager/sources/datagen-enumerator.ts';
import type { SplitEnumerator } from '../../../jobmanager/sources/split-enumerator.ts';
import {
  CHECKPOINT_DEFAULTS,
  RESTART_DEFAULT,
  RESTART_DEFAULTS,
  type RestartSettings,
} from '../../../shared/checkpoint/checkpoint-settings.ts';
import type { ErrorCode } from '../../../shared/errors/codes.ts';
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import type { JobGraph } from '../../../shared/job-graph/job-graph.ts';
import { silentLogger } from '../../../shared/observability/logger.ts';
import type { JobDetail } from '../../../shared/rest/rest-types.ts';
import {
  countVertex,
  pipeline,
  sinkVertex,
  sourceVertex,
} from '../../support/jobmanager/job-graphs.ts';
import { SimulatedRecoveries } from './simulated-checkpoints.ts';
import { SimulatedTaskManager, type SimulatedWorld } from './simulated-task-manager.ts';
import { Random, VirtualTime } from './virtual-time.ts';

const FAULTS_MS = 60_000;
const RESOURCE_TIMEOUT_MS = 20_000;
const RESCALE_COOLDOWN_MS = 3_000;
/** After the last fault: until everybody has noticed, and long enough for jobs to find their places. */
const SETTLED_MS = 10_000;
const QUIET_MS = 40_000;
/** More than every time-out together. */
const HEALED_MS = 120_000;

/** The causes that a failed job may name; a broken connection is never one of them. */
const CAUSES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'STORAGE_DENIED',
  'STORAGE_CREDENTIALS',
  'STORAGE_UNAVAILABLE',
  'TASK_MANAGER_LOST',
  'RESOURCE_UNAVAILABLE',
  'TASK_FAILED',
]);

export interface SimulationResult {
  readonly jobs: readonly JobDetail[];
  readonly events: number;
}

/**
 * The real dispatcher, resource manager, scheduler and job masters on virtual time, with task
 * managers, people and a network that do their worst for a minute (safety: the assertions in every
 * step), and then behave (liveness: everything ends and every slot is free).
 */
export async function simulate(seed: number): Promise<SimulationResult> {
  const random = new Random(seed);
  const time = new VirtualTime();
  const resourceManager = new ResourceManager({
    jobManagerId: 'jm',
    version: 'simulated',
    heartbeatIntervalMs: 1_000,
    heartbeatTimeoutMs: 5_000,
    clock: time,
    logger: silentLogger,
  });
  let jobs = 0;
  const dispatcher = new Dispatcher({
    resourceManager,
    createEnumerator: faultyEnumerators(time, random),
    recoveries: new SimulatedRecoveries(time, random),
    newJobId: () => {
      jobs += 1;
      return `job${jobs}`;
    },
    clock: time,
    logger: silentLogger,
    resourceTimeoutMs: RESOURCE_TIMEOUT_MS,
    failureGraceMs: 1_000,
    cancellationTimeoutMs: 5_000,
    stabilisationMs: 300,
    expectedSlots: 0,
    rescaleStabilisationMs: 500,
    rescaleCooldownMs: RESCALE_COOLDOWN_MS,
    endedJobsMax: 1_000,
  });
  resourceManager.start(dispatcher);
  // In some worlds jobs run for long, and adapt to what there is.
  const elastic = random.chance(0.5);
  const faults = {
    taskFails: elastic ? 0 : random.pick([0, 0.02]),
    taskSticks: random.pick([0, 0.02]),
    duplicated: random.pick([0, 0.2]),
    reordered: random.pick([0, 0.2]),
  };
  const world: SimulatedWorld = { time, random, resourceManager, faults, taskManagers: [] };
  for (let index = random.between(1, 5); index > 0; index -= 1) {
    const device = random.chance(0.25) ? 'gpu' : 'cpu';
    const devices = Array.from({ length: random.between(1, 4) }, () => device as 'cpu' | 'gpu');
    world.taskManagers.push(new SimulatedTaskManager(world, `tm${index}`, devices));
  }
  const ended = new Map<string, string>();
  let events = 0;
  const check = () => {
    events += 1;
    // Jobs that ended long ago are looked at now and then.
    checkSafety(dispatcher, resourceManager, ended, events % 64 === 0);
    checkDraining(world);
  };

  for (const taskManager of world.taskManagers) {
    const atMs = random.between(0, random.chance(0.7) ? 2_000 : FAULTS_MS);
    time.setTimer(atMs, () => taskManager.start());
  }
  scheduleTrouble(world);
  schedulePeople(dispatcher, world, elastic);
  await time.runUntil(FAULTS_MS, check);

  heal(world);
  await time.runUntil(FAULTS_MS + SETTLED_MS, check);
  const before = rescalesOf(dispatcher);
  await time.runUntil(FAULTS_MS + QUIET_MS, check);
  checkQuiet(dispatcher, resourceManager, before);
  for (const job of dispatcher.list()) {
    if (job.endedAt === null)
      random.chance(0.5) ? dispatcher.stop(job.id) : dispatcher.cancel(job.id);
  }
  await time.runUntil(FAULTS_MS + QUIET_MS + HEALED_MS, check);
  checkLiveness(dispatcher, world);
  return { jobs: dispatcher.list().map(({ id }) => dispatcher.detail(id)), events };
}

/** Sources that now and then cannot list any more. */
function faultyEnumerators(time: VirtualTime, random: Random): CreateEnumerator {
  return (operator) => {
    assert.equal(operator.kind, 'source/datagen');
    const enumerator = new DatagenEnumerator(operator.options as { keys: number });
    const start = enumerator.start.bind(enumerator);
    enumerator.start = (context) => {
      start(context);
      if (!random.chance(0.05)) return;
      time.setTimer(random.between(0, 3_000), () => {
        const message = 'the credentials have expired';
        context.fail(new SluiceError('STORAGE_CREDENTIALS', message, { domain: 'external' }));
      });
    };
    return enumerator as SplitEnumerator<unknown>;
  };
}

/** Where nothing may happen any more, it goes on draining. */
function restart(victim: SimulatedTaskManager): void {
  const { time } = victim.world;
  if (time.monotonicMs() >= FAULTS_MS) return;
  victim.leave();
  time.setTimer(500, () => victim.start());
}

/** As people do it; twice is as good as once. */
function drain(resourceManager: ResourceManager, { id }: SimulatedTaskManager): void {
  const isKnown = resourceManager.infos().some((info) => info.id === id);
  if (!isKnown) {
    assert.throws(() => resourceManager.drain(id), { code: 'TASK_MANAGER_NOT_FOUND' });
    return;
  }
  assert.notEqual(resourceManager.drain(id).state, 'ACTIVE');
  assert.notEqual(resourceManager.drain(id).state, 'ACTIVE');
}

function scheduleTrouble({ time, random, taskManagers, resourceManager }: SimulatedWorld): void {
  for (let troubles = random.between(0, 12); troubles > 0; troubles -= 1) {
    const victim = random.pick(taskManagers);
    const atMs = random.between(1_000, FAULTS_MS);
    const durationMs = random.between(100, 15_000);
    const [begin, end] = random.pick([
      [() => victim.crash(), () => victim.start()],
      [() => victim.leave(), () => victim.start()],
      [() => victim.freeze(), () => victim.thaw()],
      [() => victim.leaveWhenDrained(durationMs / 2), () => victim.start()],
      [() => drain(resourceManager, victim), () => restart(victim)],
    ] as const);
    time.setTimer(atMs, begin);
    time.setTimer(atMs + durationMs, end);
  }
}

function schedulePeople(
  dispatcher: Dispatcher,
  { time, random }: SimulatedWorld,
  elastic: boolean,
): void {
  for (let submissions = random.between(1, elastic ? 2 : 8); submissions > 0; submissions -= 1) {
    time.setTimer(random.between(0, elastic ? 5_000 : FAULTS_MS), () => {
      const id = dispatcher.submit(randomJob(random, elastic));
      if (!random.chance(elastic ? 0.1 : 0.4)) return;
      time.setTimer(random.between(0, 10_000), () => {
        if (dispatcher.detail(id).endedAt !== null) return;
        if (random.chance(0.5)) dispatcher.cancel(id);
        else dispatcher.stop(id);
      });
    });
  }
}

function randomJob(random: Random, elastic: boolean) {
  const isBounded = random.chance(elastic ? 0.2 : 0.7);
  const count = isBounded ? { count: random.between(1, 20) * 250_000 } : {};
  const parallelism = () => (random.chance(elastic ? 0.1 : 0.3) ? random.between(1, 6) : null);
  const vertices = [sourceVertex('read', { ...count, parallelism: parallelism() })];
  if (random.chance(0.5)) {
    const device = random.chance(0.4) ? ('gpu' as const) : ('cpu' as const);
    const fallback = random.chance(0.5) ? ('cpu' as const) : ('none' as const);
    vertices.push(countVertex('count', { parallelism: parallelism(), device, fallback }));
  }
  if (random.chance(0.8)) vertices.push(sinkVertex('write', { parallelism: parallelism() }));
  return { ...pipeline(vertices), ...randomRecovery(random, elastic ? 0.1 : 0.4) };
}

function randomRecovery(
  random: Random,
  without: number,
): Pick<JobGraph, 'checkpoints' | 'restart'> {
  if (random.chance(without)) return { checkpoints: null };
  const strategy = random.pick(['default', 'fixed-delay', 'failure-rate', 'none'] as const);
  const restart: RestartSettings =
    strategy === 'default' ? RESTART_DEFAULT : RESTART_DEFAULTS[strategy];
  return { checkpoints: CHECKPOINT_DEFAULTS, restart };
}

function heal({ faults, taskManagers }: SimulatedWorld): void {
  faults.taskFails = 0;
  faults.taskSticks = 0;
  faults.duplicated = 0;
  faults.reordered = 0;
  for (const taskManager of taskManagers) {
    taskManager.thaw();
    taskManager.unstick();
    taskManager.stay();
    taskManager.start();
  }
}

function checkSafety(
  dispatcher: Dispatcher,
  resourceManager: ResourceManager,
  ended: Map<string, string>,
  thorough: boolean,
): void {
  const { total, free } = resourceManager.slotCounts();
  assert.ok(free >= 0 && free <= total, 'free slots are among the slots');
  for (const { id, endedAt } of dispatcher.list()) {
    if (endedAt === null || (ended.has(id) && !thorough)) continue;
    const { state, failure, tasks } = dispatcher.detail(id);
    const epitaph = JSON.stringify({ state, failure, tasks });
    assert.equal(ended.get(id) ?? epitaph, epitaph, 'a job that has ended does not change');
    ended.set(id, epitaph);
    assert.equal(state === 'FAILED', failure !== null, 'a failed job, and no other, has a cause');
    if (failure !== null) {
      assert.ok(CAUSES.has(failure.error.code), `${failure.error.code} is a consequence`);
    }
    if (state === 'FINISHED') assert.deepEqual(Object.keys(tasks), ['FINISHED']);
  }
}

function checkDraining({ resourceManager, taskManagers }: SimulatedWorld): void {
  for (const info of resourceManager.infos()) {
    if (info.state === 'ACTIVE') continue;
    assert.equal(info.slots.free, 0, 'what drains offers nothing');
    if (info.state !== 'DRAINED') continue;
    assert.equal(info.drainingReason, null);
    const running = taskManagers.find(({ id }) => id === info.id)?.runningTasks();
    assert.deepEqual(running, [], 'nothing runs on what has drained');
  }
}

function rescalesOf(dispatcher: Dispatcher): Map<string, number> {
  return new Map(dispatcher.list().map(({ id }) => [id, dispatcher.detail(id).rescales]));
}

/** Nothing has happened for a while: jobs have found their places, and left what drains where they can. */
function checkQuiet(
  dispatcher: Dispatcher,
  resourceManager: ResourceManager,
  before: ReadonlyMap<string, number>,
): void {
  for (const [id, rescales] of rescalesOf(dispatcher)) {
    const moves = rescales - (before.get(id) ?? 0);
    assert.ok(moves <= 3, `${id} was moved ${moves} times while nothing happened`);
    const { endedAt, restarts } = dispatcher.detail(id);
    if (endedAt === null) assert.ok(rescales <= maxRescales(restarts), `${id}: ${rescales}`);
  }
  for (const { id, state, drainingReason } of resourceManager.infos()) {
    if (state !== 'DRAINING') continue;
    assert.match(drainingReason ?? '', MAY_STAY, `${id} still drains`);
  }
}

const MAY_STAY =
  /takes no checkpoints|until there are other slots|is (STOPPING|RESTARTING|CANCELLING)/;

function maxRescales(restarts: number): number {
  return Math.ceil((FAULTS_MS + QUIET_MS) / RESCALE_COOLDOWN_MS) + restarts;
}

function checkLiveness(
  dispatcher: Dispatcher,
  { resourceManager, taskManagers }: SimulatedWorld,
): void {
  for (const { id, state, endedAt } of dispatcher.list()) {
    assert.notEqual(endedAt, null, `${id} is still ${state}`);
  }
  assert.ok(
    taskManagers.every((taskManager) => taskManager.isRegistered),
    'all are registered',
  );
  for (const { id, state, drainingReason } of resourceManager.infos()) {
    assert.notEqual(state, 'DRAINING', `${id} still drains: ${drainingReason}`);
  }
  const count = (managers: readonly SimulatedTaskManager[]) =>
    managers.reduce((sum, { devices }) => sum + devices.length, 0);
  const free = count(taskManagers.filter(({ draining }) => !draining));
  assert.deepEqual(
    resourceManager.slotCounts(),
    { total: count(taskManagers), free },
    'no slot leaked',
  );
}
