import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import type { CheckpointStorage } from '../../../jobmanager/checkpoint/checkpoint-storage.ts';
import type { CheckpointDeclineReason } from '../../../shared/checkpoint/checkpoint-failure-reason.ts';
import type {
  KeyedStateSegment,
  ListStateHandle,
  OperatorSubtaskState,
  TaskRestore,
} from '../../../shared/checkpoint/snapshot.ts';
import type { StateHandle } from '../../../shared/checkpoint/state-handle.ts';
import { SluiceError, serializeError } from '../../../shared/errors/sluice-error.ts';
import { joinUri } from '../../../shared/filesystem/uri.ts';
import type { Barrier } from '../../../shared/record/stream-event.ts';
import type { JobManagerMessage } from '../../../shared/rpc/messages.ts';
import { decodeValue, encodeValue } from '../../../shared/serialization/encode-value.ts';
import type { SimulatedWorld } from './simulated-world.ts';

/** Between two tasks: records and barriers, in order. */
export interface Channel {
  readonly elements: (string | Barrier)[];
}

export type Role = 'source' | 'middle' | 'sink';

export interface TaskOptions {
  readonly attemptId: string;
  /** The vertex, and its only operator. */
  readonly role: Role;
  readonly subtask: number;
  readonly inputs: readonly Channel[];
  readonly outputs: readonly Channel[];
  readonly jobId: string;
  readonly checkpointStorage: CheckpointStorage;
  /** Of a source: how many records it has. */
  readonly records: number;
  readonly restore: TaskRestore | null;
}

interface Committable {
  readonly id: string;
  readonly checkpointId: number;
  readonly records: readonly string[];
  isDurable: boolean;
}

/** Records that the middle holds until it has so many. */
const HELD = 3;
/** Shared objects that the snapshot of a source refers to. */
const SEGMENTS = 3;
/** Elements of a channel, but for what one record may release. */
const CHANNEL_MAX = 8;
const KEY_GROUPS = 128;

/**
 * One attempt: a source with a position (and a log of shared objects), a middle that holds records
 * back, or a two-phase sink. Does what the real tasks promise: aligns barriers, snapshots between
 * records, acknowledges once all is stored, commits when told, finishes at a final checkpoint.
 */
export class SimulatedTask {
  readonly options: TaskOptions;
  readonly #world: SimulatedWorld;
  isAlive = true;
  /** The job manager has replaced it, and it does not know yet. */
  isZombie = false;
  state: 'initializing' | 'running' | 'finished' = 'initializing';
  #position = 0;
  #isPaused = false;
  #hasDrained = false;
  #confirmed: readonly KeyedStateSegment[] = [];
  readonly #unconfirmed = new Map<number, readonly KeyedStateSegment[]>();
  #held: string[] = [];
  #written: string[] = [];
  #committables: Committable[] = [];
  /** The barrier taken or being aligned last, and the inputs that had it. */
  #barrier: Barrier | null = null;
  readonly #aligned = new Set<Channel>();
  #taken = 0;

  constructor(world: SimulatedWorld, options: TaskOptions) {
    this.#world = world;
    this.options = options;
  }

  start(): void {
    this.#restore().catch((error: unknown) => this.#world.fail(error));
  }

  kill(): void {
    this.isAlive = false;
  }

  /** With a new job manager. */
  registerAgain(): void {
    this.#report('RUNNING');
    if (this.#hasDrained) this.#reportDrained();
  }

  receive(message: JobManagerMessage): void {
    if (!this.isAlive || this.state === 'finished') return;
    switch (message.kind) {
      case 'trigger-checkpoint':
        if (this.state !== 'running') {
          this.#decline(message.barrier, 'TASK_NOT_RUNNING');
        } else if (message.barrier.checkpointId > this.#taken) {
          this.#isPaused = message.barrier.purpose === 'suspend';
          this.#take(message.barrier);
        }
        return;
      case 'checkpoint-complete':
        this.#onComplete(message.checkpointId);
        return;
      case 'checkpoint-aborted':
        if (this.#barrier?.checkpointId === message.checkpointId) this.#isPaused = false;
        if (this.#world.mutation === 'commit-on-abort') this.#onComplete(message.checkpointId);
        return;
      default:
        return;
    }
  }

  // Restore

  async #restore(): Promise<void> {
    const { role, restore } = this.options;
    const state = restore?.operators[role];
    const [position] = await this.#entries('position');
    if (typeof position === 'number') this.#position = position;
    this.#held = (await this.#entries('held')) as string[];
    for (const handles of state?.keyed['log'] ?? []) {
      this.#confirmed = handles.segments;
      for (const { handle } of handles.segments) await this.#load(handle);
    }
    for (const id of (await this.#entries('committables')) as string[]) {
      await this.#commit(id);
    }
    await this.#world.time.sleep(this.#world.random.integer(0, 30));
    if (!this.isAlive) return;
    this.state = 'running';
    this.#report('RUNNING');
    this.#work();
  }

  async #entries(name: string): Promise<unknown[]> {
    const list = this.options.restore?.operators[this.options.role]?.lists[name];
    if (list === undefined) return [];
    const entries: unknown[] = [];
    for (const handle of list.handles) {
      const bytes = await this.#load(handle);
      if (bytes !== null) entries.push(...(decodeValue(bytes) as unknown[]));
    }
    const { deal } = list;
    return deal === null ? entries : entries.filter((_, index) => index % deal.of === deal.index);
  }

  /** SAFETY: what a retained checkpoint refers to is there. */
  async #load(handle: StateHandle): Promise<Uint8Array | null> {
    const isWanted = (): boolean => this.isAlive && !this.isZombie;
    try {
      return await this.#world.storage.insist(isWanted, () =>
        this.options.checkpointStorage.loadState(handle),
      );
    } catch (error) {
      if (isWanted()) throw error;
      return null;
    }
  }

  // Records

  #work(): void {
    const { random, time } = this.#world;
    if (!this.isAlive || this.state !== 'running') return;
    const hasRoom = this.options.outputs.every(({ elements }) => elements.length < CHANNEL_MAX);
    for (let budget = hasRoom ? random.integer(1, 4) : 0; budget > 0; budget -= 1) {
      if (this.options.role === 'source') this.#produce();
      else this.#consume();
    }
    time.plan(random.integer(4, 24), () => this.#work());
  }

  #produce(): void {
    const { subtask, records } = this.options;
    if (this.#isPaused || this.#hasDrained) return;
    if (this.#position < records) {
      this.#emit(`${subtask}:${this.#position}`);
      this.#position += 1;
      return;
    }
    this.#hasDrained = true;
    this.#reportDrained();
  }

  #reportDrained(): void {
    const { attemptId } = this.options;
    this.#world.toJobManager(this, { kind: 'source-drained', attemptId });
  }

  #consume(): void {
    const ready = this.options.inputs.filter(
      (channel) => channel.elements.length > 0 && !this.#aligned.has(channel),
    );
    const channel = ready[this.#world.random.integer(0, ready.length - 1)];
    const element = channel?.elements.shift();
    if (channel === undefined || element === undefined) return;
    if (typeof element === 'string') this.#process(element);
    else this.#onBarrier(channel, element);
  }

  #process(record: string): void {
    if (this.options.role === 'sink') {
      this.#written.push(record);
      return;
    }
    this.#held.push(record);
    if (this.#held.length >= HELD) this.#release();
  }

  #release(): void {
    for (const record of this.#held.splice(0)) this.#emit(record);
  }

  #emit(record: string): void {
    const { outputs } = this.options;
    outputs[this.#world.random.integer(0, outputs.length - 1)]?.elements.push(record);
  }

  // Snapshots

  #onBarrier(channel: Channel, barrier: Barrier): void {
    const { checkpointId } = barrier;
    if (checkpointId <= this.#taken) return;
    if (this.#world.mutation === 'barrier-without-alignment') {
      this.#take(barrier);
      return;
    }
    const aligning = this.#barrier?.checkpointId ?? 0;
    if (checkpointId < aligning) return;
    if (checkpointId > aligning) this.#aligned.clear();
    this.#barrier = barrier;
    this.#aligned.add(channel);
    if (this.#aligned.size < this.options.inputs.length) return;
    this.#aligned.clear();
    this.#take(barrier);
  }

  #take(barrier: Barrier): void {
    const { random, faults, time } = this.#world;
    time.awaited();
    const { checkpointId } = barrier;
    this.#taken = checkpointId;
    this.#barrier = barrier;
    if (barrier.purpose === 'final') this.#release();
    for (const channel of this.options.outputs) channel.elements.push(barrier);
    if (this.#written.length > 0) {
      const id = `${this.options.attemptId}/${checkpointId}`;
      const records = this.#written.splice(0);
      this.#committables.push({ id, checkpointId, records, isDurable: false });
    }
    if (random.chance(faults.declines)) {
      this.#decline(barrier, 'SNAPSHOT_FAILED');
      return;
    }
    this.#store(barrier, this.#position, [...this.#held], [...this.#committables]).catch(
      (error: unknown) => {
        if (error instanceof SluiceError) this.#decline(barrier, 'STORAGE_FAILED');
        else this.#world.fail(error);
      },
    );
  }

  async #store(
    barrier: Barrier,
    position: number,
    held: readonly string[],
    committables: readonly Committable[],
  ): Promise<void> {
    const { role, attemptId } = this.options;
    let state: OperatorSubtaskState;
    switch (role) {
      case 'source': {
        // As the real backend: a savepoint holds all of the state itself, and nothing builds on it.
        const isSavepoint = barrier.purpose === 'savepoint' || barrier.purpose === 'suspend';
        const before = isSavepoint ? [] : this.#confirmed.slice(1 - SEGMENTS);
        const segments = [...before, await this.#segment(barrier, isSavepoint)];
        if (!isSavepoint) this.#unconfirmed.set(barrier.checkpointId, segments);
        state = { lists: { position: inline([position]) }, keyed: { log: { segments } } };
        break;
      }
      case 'middle':
        state = { lists: { held: await this.#object(barrier, held) }, keyed: {} };
        break;
      case 'sink':
        for (const committable of committables) await this.#preCommit(committable);
        state = { lists: { committables: inline(committables.map(({ id }) => id)) }, keyed: {} };
        break;
      default:
        role satisfies never;
        return;
    }
    if (!this.isAlive) return;
    this.#world.toJobManager(this, {
      kind: 'acknowledge-checkpoint',
      attemptId,
      checkpointId: barrier.checkpointId,
      snapshot: { operators: { [role]: state }, channels: [] },
      timings: { alignmentMs: 0, syncMs: 0, asyncMs: 0, bytes: 1 },
    });
  }

  async #preCommit(committable: Committable): Promise<void> {
    if (committable.isDurable) return;
    const { id, records } = committable;
    await this.#world.storage.request(() => this.#world.output.preCommit(id, records));
    committable.isDurable = true;
  }

  async #segment(barrier: Barrier, isSavepoint: boolean): Promise<KeyedStateSegment> {
    const { checkpointStorage, jobId, attemptId } = this.options;
    const name = `${attemptId.replaceAll('/', '-')}-${barrier.checkpointId}`;
    const { paths } = checkpointStorage;
    const folder = isSavepoint
      ? paths.checkpoint(jobId, barrier.checkpointId)
      : paths.shared(jobId);
    const handle = await this.#put(joinUri(folder, name), name);
    const offsets = new Array<number>(KEY_GROUPS + 1).fill(0);
    return { kind: 'changes', firstKeyGroup: 0, offsets, handle };
  }

  async #object(barrier: Barrier, entries: readonly unknown[]): Promise<ListStateHandle> {
    const { checkpointStorage, jobId, subtask } = this.options;
    const folder = checkpointStorage.paths.checkpoint(jobId, barrier.checkpointId);
    const handle = await this.#put(joinUri(folder, `tm-${subtask}`), entries);
    return { mode: 'split', handle, entries: entries.length };
  }

  async #put(uri: string, value: unknown): Promise<StateHandle> {
    const bytes = encodeValue(value);
    await this.#world.storage.fileSystem.put(uri, bytes);
    return { kind: 'object', uri, offset: 0, length: bytes.length, crc32: crc32(bytes) };
  }

  #decline({ checkpointId }: Barrier, reason: CheckpointDeclineReason): void {
    if (!this.isAlive) return;
    const error = serializeError(new Error('simulated'));
    const { attemptId } = this.options;
    const kind = 'decline-checkpoint';
    this.#world.toJobManager(this, { kind, attemptId, checkpointId, reason, error });
  }

  // Ends of a checkpoint

  #onComplete(checkpointId: number): void {
    this.#world.time.awaited();
    this.#confirmed = this.#unconfirmed.get(checkpointId) ?? this.#confirmed;
    for (const id of this.#unconfirmed.keys()) {
      if (id <= checkpointId) this.#unconfirmed.delete(id);
    }
    const barrier = this.#barrier;
    const isLast =
      barrier?.checkpointId === checkpointId &&
      this.#taken === checkpointId &&
      (barrier.purpose === 'final' || barrier.purpose === 'suspend');
    const due = this.#committables.filter(
      (committable) => committable.checkpointId <= checkpointId,
    );
    if (due.length === 0) {
      if (isLast) this.#finish();
      return;
    }
    (async () => {
      for (const committable of due) {
        await this.#commit(committable.id);
        this.#committables = this.#committables.filter((other) => other !== committable);
      }
      if (isLast) this.#finish();
    })().catch((error: unknown) => this.#world.fail(error));
  }

  async #commit(id: string): Promise<void> {
    const { storage, output } = this.#world;
    await storage.insist(
      () => this.isAlive,
      () => output.commit(id),
    );
  }

  #finish(): void {
    if (!this.isAlive || this.state === 'finished') return;
    const isDrained = this.options.inputs.every(({ elements }) => elements.length === 0);
    assert.ok(isDrained || this.isZombie, 'nothing follows a final or suspending barrier');
    this.state = 'finished';
    this.#report('FINISHED');
  }

  #report(state: 'RUNNING' | 'FINISHED'): void {
    const { attemptId } = this.options;
    const kind = 'task-state';
    this.#world.toJobManager(this, { kind, attemptId, state, error: null, metrics: null });
  }
}

function inline(entries: readonly unknown[]): ListStateHandle {
  const base64 = Buffer.from(encodeValue(entries)).toString('base64');
  return { mode: 'split', handle: { kind: 'inline', base64 }, entries: entries.length };
}
