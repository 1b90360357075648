import assert from 'node:assert/strict';
import {
  ELECTION_TIMING,
  type ElectionEffect,
  type ElectionEvent,
  LeaderElection,
  type UndatedLease,
} from '../../../jobmanager/leader-election/leader-election.ts';
import { Random } from '../scheduler/virtual-time.ts';
import { SynchronousTime } from './synchronous-time.ts';

/** Storage with conditional writes; each content has an etag of its own. */
class Store {
  #versions = 0;
  lease: { readonly lease: UndatedLease; readonly etag: string } | null = null;
  /** A job's record, as every leader writes it. */
  record = { epoch: 0, etag: 'record-0' };

  putLease(lease: UndatedLease, ifMatch: string | null): string | null {
    if ((this.lease?.etag ?? null) !== ifMatch) return null;
    this.#versions += 1;
    this.lease = { lease, etag: `lease-${this.#versions}` };
    return this.lease.etag;
  }

  putRecord(epoch: number, ifMatch: string): string | null {
    if (this.record.etag !== ifMatch) return null;
    assert.ok(epoch >= this.record.epoch, `epoch ${epoch} wrote after ${this.record.epoch}`);
    this.#versions += 1;
    this.record = { epoch, etag: `record-${this.#versions}` };
    return this.record.etag;
  }
}

interface Weather {
  /** Share of calls that fail without being done, whose answer is lost, or that take long. */
  failing: number;
  lost: number;
  slow: number;
  pausing: number;
}

const CALM: Weather = { failing: 0, lost: 0, slow: 0, pausing: 0 };

/** A job manager: its election, a clock of its own, and a leader's writes to the record. */
class Candidate {
  readonly election: LeaderElection;
  readonly #world: World;
  readonly #rate: number;
  readonly #offsetMs: number;
  readonly name: string;
  #pausedUntilMs = 0;
  #alive = true;
  #cancelTimer = (): void => {};
  /** Etag of the record as this leader last wrote or read it; null until it has taken it over. */
  #recordEtag: string | null = null;
  #term: number | null = null;

  constructor(world: World, name: string, rate: number) {
    this.#world = world;
    this.name = name;
    this.#rate = rate;
    this.#offsetMs = world.random.between(0, 1_000_000);
    this.election = new LeaderElection({
      ...ELECTION_TIMING,
      // With more, one that is cut off may lead beside another one: only the epochs are safe then.
      outageMs: world.trustsClocks ? 0 : 20_000,
      leaderId: name,
      rpcAddress: `${name}:6123`,
      restAddress: `http://${name}:8081`,
      hostName: 'host',
    });
    this.#step({ kind: 'woke' });
  }

  get nowMs(): number {
    return this.#offsetMs + this.#world.time.nowMs * this.#rate;
  }

  get isLeading(): boolean {
    return this.#alive && this.election.leadingEpoch(this.nowMs) !== null;
  }

  get isAlive(): boolean {
    return this.#alive;
  }

  pause(durationMs: number): void {
    this.#pausedUntilMs = this.#world.time.nowMs + durationMs;
  }

  kill(): void {
    this.#alive = false;
    this.#cancelTimer();
  }

  release(): void {
    this.#step({ kind: 'release' });
  }

  /** Whatever reaches a process that stands still reaches it when it goes on. */
  #awake(callback: () => void): void {
    const waitMs = this.#pausedUntilMs - this.#world.time.nowMs;
    if (!this.#alive) return;
    if (waitMs <= 0) callback();
    else this.#world.time.setTimer(waitMs, () => this.#awake(callback));
  }

  #step(event: ElectionEvent): void {
    for (const effect of this.election.step(event, this.nowMs)) this.#carryOut(effect);
  }

  #carryOut(effect: ElectionEffect): void {
    const { time, store } = this.#world;
    switch (effect.kind) {
      case 'read':
        this.#world.call(
          () => store.lease,
          (found) =>
            this.#answer(
              found === undefined
                ? { kind: 'failed', operation: effect.operation }
                : { kind: 'read', operation: effect.operation, found: asStored(found) },
            ),
        );
        return;
      case 'write':
        this.#world.call(
          () => store.putLease(effect.lease, effect.ifMatch),
          (etag) => this.#answer(writeAnswer(effect.operation, etag)),
        );
        return;
      case 'elected':
        this.#world.elected(effect.epoch);
        this.#term = effect.epoch;
        this.#recordEtag = null;
        this.#lead(effect.epoch);
        return;
      case 'deposed':
        this.#term = null;
        return;
      case 'wake-at':
        this.#cancelTimer();
        this.#cancelTimer = time.setTimer((effect.atMs - this.nowMs) / this.#rate, () =>
          this.#awake(() => this.#step({ kind: 'woke' })),
        );
        return;
      case 'give-up':
      case 'released':
        return;
      default:
        effect satisfies never;
    }
  }

  #answer(event: ElectionEvent): void {
    this.#awake(() => this.#step(event));
  }

  /** A leader takes the record over, then writes it now and then, as long as it believes to lead. */
  #lead(epoch: number): void {
    const { store, random, time } = this.#world;
    const goOn = (): void => {
      time.setTimer(random.between(20, 200), () => this.#awake(() => this.#lead(epoch)));
    };
    if (this.#term !== epoch) return;
    const etag = this.#recordEtag;
    if (etag === null) {
      this.#world.call(
        () => ({ ...store.record }),
        (record) =>
          this.#awake(() => {
            if (record !== undefined && record.epoch <= epoch) this.#recordEtag = record.etag;
            goOn();
          }),
      );
      return;
    }
    // Not even asked whether its time is over: the compare-and-swap alone must fence.
    this.#world.call(
      () => store.putRecord(epoch, etag),
      (written) =>
        this.#awake(() => {
          this.#recordEtag = written === undefined || written === null ? null : written;
          if (typeof written === 'string') this.#world.recordWrites += 1;
          goOn();
        }),
    );
  }
}

function asStored(found: Store['lease']) {
  return found === null
    ? null
    : { lease: { ...found.lease, renewedAt: '2026-01-01T00:00:00Z' }, etag: found.etag };
}

function writeAnswer(operation: number, etag: string | null | undefined): ElectionEvent {
  if (etag === undefined) return { kind: 'failed', operation };
  return etag === null ? { kind: 'refused', operation } : { kind: 'written', operation, etag };
}

class World {
  readonly time = new SynchronousTime();
  readonly store = new Store();
  readonly random: Random;
  weather: Weather;
  /** Clocks tick alike enough for the lease's margin: then there is never more than one leader. */
  readonly trustsClocks: boolean;
  recordWrites = 0;
  terms = 0;
  #lastEpoch = 0;

  constructor(random: Random, trustsClocks: boolean, weather: Weather) {
    this.random = random;
    this.trustsClocks = trustsClocks;
    this.weather = weather;
  }

  elected(epoch: number): void {
    assert.ok(epoch > this.#lastEpoch, `epoch ${epoch} was elected after ${this.#lastEpoch}`);
    this.#lastEpoch = epoch;
    this.terms += 1;
  }

  /** A call to the storage; undefined: no answer came. */
  call<Answer>(work: () => Answer, done: (answer: Answer | undefined) => void): void {
    const { random, weather, time } = this;
    const delay = (): number =>
      random.chance(weather.slow) ? random.between(200, 8_000) : random.between(1, 40);
    if (random.chance(weather.failing)) {
      time.setTimer(delay(), () => done(undefined));
      return;
    }
    const isLost = random.chance(weather.lost);
    time.setTimer(delay(), () => {
      const answer = work();
      time.setTimer(delay(), () => done(isLost ? undefined : answer));
    });
  }
}

export interface SimulationResult {
  readonly terms: number;
  readonly recordWrites: number;
}

/** One minute of bad weather, then ten seconds of calm in which somebody must lead. */
export function simulate(seed: number): SimulationResult {
  const random = new Random(seed);
  const trustsClocks = random.chance(0.7);
  const weather: Weather = {
    failing: random.next() * 0.3,
    lost: random.next() * 0.3,
    slow: random.next() * 0.2,
    pausing: random.next(),
  };
  const world = new World(random, trustsClocks, weather);
  const drift = trustsClocks ? 0.05 : 0.6;
  let candidates: Candidate[] = [];
  let names = 0;
  const add = (rate = 1 + (random.next() * 2 - 1) * drift): void => {
    names += 1;
    candidates.push(new Candidate(world, `jm-${names}`, rate));
  };
  const check = (): void => {
    const leading = candidates.filter((candidate) => candidate.isLeading);
    if (trustsClocks) assert.ok(leading.length <= 1, `${leading.length} leaders at a time`);
  };
  for (let count = random.between(1, 4); count > 0; count -= 1) add();
  for (let atMs = 0; atMs < 60_000; atMs += 250) {
    world.time.runUntil(atMs, check);
    for (const candidate of candidates) {
      if (random.chance(weather.pausing * 0.02)) candidate.pause(random.between(100, 12_000));
    }
    if (random.chance(0.02)) {
      const candidate = random.pick(candidates);
      if (random.chance(0.5)) candidate.kill();
      else candidate.release();
      candidates = candidates.filter((other) => other !== candidate);
      add();
    }
  }
  world.weather = CALM;
  const healedAtMs = 60_000;
  // Long pauses and calls from before may still end; then somebody leads, and goes on leading.
  const settledMs = healedAtMs + 12_000 + 3 * ELECTION_TIMING.ttlMs;
  if (!trustsClocks) {
    for (const candidate of candidates) candidate.kill();
    candidates = [];
    add(1);
    add(1);
  }
  world.time.runUntil(settledMs, check);
  const leader = candidates.find((candidate) => candidate.isLeading);
  assert.ok(leader !== undefined, 'somebody leads once all is well');
  const writes = world.recordWrites;
  world.time.runUntil(settledMs + 10_000, () => {
    check();
    assert.ok(leader.isLeading, 'a leader that nothing disturbs goes on leading');
  });
  assert.ok(world.recordWrites > writes, 'the leader writes');
  return { terms: world.terms, recordWrites: world.recordWrites };
}
