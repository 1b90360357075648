/**
 * A StreamTask with everything around it in the test's hands: gates that are filled, partitions that
 * have room or not, a loop that runs when told to, an operator per node. No threads, no sockets.
 */
import assert from 'node:assert/strict';
import type { SubtaskSnapshot, TaskRestore } from '../../shared/checkpoint/snapshot.ts';
import type { StateBackendKind } from '../../shared/checkpoint/state-backend.ts';
import type { FileSystemRegistry } from '../../shared/filesystem/filesystem-registry.ts';
import type { OperatorNode } from '../../shared/job-graph/job-graph.ts';
import type { TaskDeployment } from '../../shared/job-graph/task-deployment.ts';
import { silentLogger } from '../../shared/observability/logger.ts';
import type { Barrier, StreamEvent } from '../../shared/record/stream-event.ts';
import { StreamRecord } from '../../shared/record/stream-record.ts';
import type { Clock } from '../../shared/time/clock.ts';
import type { InferenceClient } from '../../taskmanager/inference/inference-client.ts';
import type { OperatorBody } from '../../taskmanager/operators/runtime/operator-body.ts';
import type { OnOvertaken } from '../../taskmanager/task/channel-buffers.ts';
import type { GateItem, InputGate, UnreadRecords } from '../../taskmanager/task/input-gate.ts';
import type { ResultPartition } from '../../taskmanager/task/result-partition.ts';
import { StreamTask } from '../../taskmanager/task/stream-task.ts';
import type {
  TaskCheckpointReport,
  TaskEnvironment,
  TaskStateUpdate,
} from '../../taskmanager/task/task-environment.ts';
import { TaskLoop } from '../../taskmanager/task/task-loop.ts';
import { MemorySnapshots } from './memory-snapshots.ts';

export const record = (n: number, ingestedAtMs = 0): StreamRecord =>
  new StreamRecord({ n }, n, ingestedAtMs, null, null, null);

/** The consuming end of an exchange, filled by the test. */
export class FakeInputGate implements InputGate {
  readonly channelCount: number;
  readonly bytesIn = 0;
  readonly #items: GateItem[] = [];
  #available: () => void = () => {};
  #failed: (error: Error) => void = () => {};
  isClosed = false;
  readonly blocked = new Set<number>();

  constructor(channelCount = 1) {
    this.channelCount = channelCount;
  }

  get buffersQueued(): number {
    return this.#items.length;
  }

  get creditsGranted(): number {
    return 2;
  }

  push(...items: GateItem[]): void {
    this.#items.push(...items);
    this.#available();
  }

  pushRecords(channel: number, records: readonly StreamRecord[]): void {
    this.push({ kind: 'records', channel, records });
  }

  pushEvent(channel: number, event: StreamEvent): void {
    this.push({ kind: 'event', channel, event });
  }

  breakDown(error: Error): void {
    this.#failed(error);
  }

  /** The oldest item of a channel that is not blocked. */
  poll(): GateItem | null {
    const index = this.#items.findIndex(({ channel }) => !this.blocked.has(channel));
    return index < 0 ? null : (this.#items.splice(index, 1)[0] ?? null);
  }

  onAvailable(callback: () => void): void {
    this.#available = callback;
  }

  onFailure(callback: (error: Error) => void): void {
    this.#failed = callback;
  }

  blockChannel(channel: number): void {
    this.blocked.add(channel);
  }

  resumeChannel(channel: number): void {
    this.blocked.delete(channel);
    this.#available();
  }

  onBarrier(): void {}

  overtake(_checkpointId: number, _unread: UnreadRecords | null, onOvertaken: OnOvertaken): void {
    this.blocked.clear();
    onOvertaken([]);
  }

  restore(): void {}

  close(): void {
    this.isClosed = true;
  }
}

/** The producing end: has room for `capacity` elements until the test takes some away. */
export class FakeResultPartition implements ResultPartition {
  readonly taken: (StreamRecord | StreamEvent)[] = [];
  readonly bytesOut = 0;
  readonly #capacity: number;
  #held: (StreamRecord | StreamEvent)[] = [];
  /** Records emitted while it had no room. */
  overdraft = 0;
  isClosed = false;
  #available: () => void = () => {};
  #failed: (error: Error) => void = () => {};
  #onDrained: (() => void)[] = [];

  constructor(capacity = Number.POSITIVE_INFINITY) {
    this.#capacity = capacity;
  }

  get buffersQueued(): number {
    return this.#held.length;
  }

  get creditsAvailable(): number {
    return Number.isFinite(this.#capacity) ? this.#capacity - this.#held.length : 8;
  }

  emit(element: StreamRecord): void {
    if (!this.isAvailable()) this.overdraft += 1;
    this.#held.push(element);
  }

  broadcastEvent(event: StreamEvent): void {
    this.#held.push(event);
  }

  broadcastBarrier(barrier: Barrier, _afterMs: number | null, onOvertaken: OnOvertaken): void {
    this.#held.push(barrier);
    onOvertaken([]);
  }

  restore(): void {}

  isAvailable(): boolean {
    return this.#held.length < this.#capacity;
  }

  onAvailable(callback: () => void): void {
    this.#available = callback;
  }

  onFailure(callback: (error: Error) => void): void {
    this.#failed = callback;
  }

  flush(): void {}

  drained(): Promise<void> {
    if (this.#held.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onDrained.push(resolve));
  }

  close(): void {
    this.isClosed = true;
  }

  breakDown(error: Error): void {
    this.#failed(error);
  }

  /** The consumer takes up to `count` elements. */
  take(count = Number.POSITIVE_INFINITY): void {
    const wasAvailable = this.isAvailable();
    this.taken.push(...this.#held.splice(0, Math.min(count, this.#held.length)));
    if (this.#held.length === 0) for (const resolve of this.#onDrained.splice(0)) resolve();
    if (!wasAvailable && this.isAvailable()) this.#available();
  }

  get isEmpty(): boolean {
    return this.#held.length === 0;
  }

  /** Values of the field `n` of the records taken, in order. */
  get numbers(): number[] {
    return this.taken
      .filter((element) => element instanceof StreamRecord)
      .map((element) => Number(element.value['n']));
  }
}

export interface HarnessOptions {
  readonly clock: Clock;
  readonly operators: readonly OperatorNode[];
  /** By node id. */
  readonly bodies: Readonly<Record<string, () => OperatorBody>>;
  /** One gate per incoming edge. */
  readonly gates?: readonly FakeInputGate[];
  /** By the operator whose output they carry. */
  readonly partitions?: Readonly<Record<string, FakeResultPartition>>;
  readonly onError?: 'dead-letter' | 'fail';
  /** With checkpoints in this mode; default: without. */
  readonly mode?: 'exactly-once' | 'at-least-once';
  /** Default: barriers never overtake. */
  readonly alignmentTimeoutMs?: number;
  /** Real exchanges in the place of gates and partitions. */
  readonly exchanges?: {
    readonly network: TaskEnvironment['network'];
    readonly inputs: TaskDeployment['inputs'];
    readonly outputs: TaskDeployment['outputs'];
  };
  readonly restore?: TaskRestore | null;
  readonly attempt?: number;
  /** Default: `heap`. */
  readonly stateBackend?: StateBackendKind;
  /** Default: the storage answers. */
  readonly storageSilentMs?: () => number;
  /** How the loop yields; default: collected, run by `turn`. */
  readonly yieldTurn?: (callback: () => void) => void;
}

/** A task under test. */
export class TaskHarness {
  readonly task: StreamTask;
  readonly updates: TaskStateUpdate[] = [];
  readonly splitRequests: number[] = [];
  readonly snapshots = new MemorySnapshots();
  readonly reports: TaskCheckpointReport[] = [];
  readonly #turns: (() => void)[] = [];

  constructor(options: HarnessOptions) {
    const { clock, operators, bodies, gates = [], partitions = {} } = options;
    const loop = new TaskLoop(clock, options.yieldTurn ?? ((turn) => this.#turns.push(turn)));
    const unused = [...gates];
    this.task = new StreamTask(deploymentOf(operators, partitions, gates, options), {
      taskManagerId: 'task-manager',
      clock,
      loop,
      fileSystems: silenceOnly(options.storageSilentMs ?? (() => 0)),
      inference: unreachable<InferenceClient>('inference'),
      createOperator: async (node) => {
        const create = bodies[node.id];
        assert.ok(create !== undefined, `the test has a body for ${node.id}`);
        return create();
      },
      network: options.exchanges?.network ?? {
        createInputGate: () => unused.shift() ?? assert.fail('one gate per input'),
        createResultPartition: ({ sourceOperator }) =>
          partitions[sourceOperator] ?? assert.fail('one partition per output'),
      },
      control: {
        stateChanged: (update) => this.updates.push(update),
        requestSplits: (_attemptId, count) => this.splitRequests.push(count),
        checkpoint: (report) => this.reports.push(report),
      },
      snapshots: this.snapshots,
      logger: silentLogger,
    });
  }

  get states(): string[] {
    return this.updates.map(({ state }) => state);
  }

  get state(): string | undefined {
    return this.updates.at(-1)?.state;
  }

  /** Acknowledgements, by checkpoint. */
  get acknowledged(): number[] {
    return this.reports.flatMap((report) =>
      report.kind === 'acknowledge-checkpoint' ? [report.checkpointId] : [],
    );
  }

  /** What the task restores that takes this checkpoint's place. */
  restoreOf(checkpointId: number): TaskRestore {
    const report = this.reports.find(
      (candidate) =>
        candidate.kind === 'acknowledge-checkpoint' && candidate.checkpointId === checkpointId,
    );
    assert.ok(report?.kind === 'acknowledge-checkpoint', `${checkpointId} was acknowledged`);
    return taskRestore(checkpointId, report.snapshot);
  }

  /** Runs the loop's turns, and what they bring about, until nothing is left to do. */
  async run(): Promise<void> {
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      const turns = this.#turns.splice(0);
      if (turns.length === 0) return;
      for (const turn of turns) turn();
    }
  }
}

/** A subtask's own state, as it gets it back at the same parallelism. */
export function taskRestore(checkpointId: number, snapshot: SubtaskSnapshot): TaskRestore {
  const operators = Object.entries(snapshot.operators).map(([id, { lists, keyed }]) => {
    const restored = Object.entries(lists).map(([name, { handle }]) => [
      name,
      { handles: [handle], deal: null },
    ]);
    const parts = Object.entries(keyed).map(([name, handle]) => [name, [handle]]);
    return [id, { lists: Object.fromEntries(restored), keyed: Object.fromEntries(parts) }];
  });
  const { channels } = snapshot;
  return { checkpointId, operators: Object.fromEntries(operators), channels };
}

export function barrier(checkpointId: number, purpose: Barrier['purpose'] = 'checkpoint'): Barrier {
  return { kind: 'barrier', checkpointId, triggeredAtMs: 0, alignment: 'aligned', purpose };
}

/** A chain of these ids, each fed by the one before; the kinds do not matter to a harness. */
export function chainOf(...ids: string[]): OperatorNode[] {
  return ids.map((id, index) => node(id, ids[index - 1] ?? null));
}

export function node(
  id: string,
  chainedTo: string | null,
  kind: OperatorNode['kind'] = 'transform/filter',
): OperatorNode {
  return { id, kind, chainedTo, options: {} } as unknown as OperatorNode;
}

function deploymentOf(
  operators: readonly OperatorNode[],
  partitions: Readonly<Record<string, FakeResultPartition>>,
  gates: readonly FakeInputGate[],
  options: HarnessOptions,
): TaskDeployment {
  const { onError = 'dead-letter', mode, restore = null, attempt = 0 } = options;
  const { stateBackend: backend = 'heap' } = options;
  const { alignmentTimeoutMs = null, exchanges } = options;
  return {
    jobId: 'job',
    jobName: 'job',
    attemptId: 'job/vertex/0/0',
    vertexId: 'vertex',
    vertexName: 'vertex',
    subtaskIndex: 0,
    parallelism: 1,
    maxParallelism: 128,
    attempt,
    slotIndex: 0,
    resources: { device: 'cpu', labels: {}, fallback: 'none' },
    operators,
    onError,
    checkpoints:
      mode === undefined ? null : { mode, alignmentTimeoutMs, directory: 'memory:///checkpoints' },
    restore,
    state: { backend },
    inputs: exchanges?.inputs ?? gates.map((_, index) => ({ edgeId: `in-${index}`, channels: [] })),
    outputs:
      exchanges?.outputs ??
      Object.keys(partitions).map((sourceOperator) => ({
        partitionId: `job/vertex/0/0#${sourceOperator}`,
        sourceOperator,
        partitioner: { kind: 'forward' },
        subpartitions: 1,
        maxParallelism: 128,
      })),
  };
}

function silenceOnly(silentForMs: () => number): FileSystemRegistry {
  return new Proxy({} as FileSystemRegistry, {
    get: (_, name) =>
      name === 'silentForMs'
        ? silentForMs
        : assert.fail('the operators under test do not use file systems'),
  });
}

function unreachable<Port extends object>(name: string): Port {
  return new Proxy({} as Port, {
    get: () => assert.fail(`the operators under test do not use ${name}`),
  });
}
