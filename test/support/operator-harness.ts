/**
 * Runs a StreamOperator the hard way and the plain way, and asks for the same results (after
 * Hazelcast Jet's TestSupport). The hard way: the output takes one record at a time and is drained
 * before the next input, and between any two records the operator is snapshot, thrown away, and
 * another one restored from the snapshot, which went through JSON as it would through storage.
 */
import assert from 'node:assert/strict';
import type { StateBackendKind } from '../../shared/checkpoint/state-backend.ts';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import { type Barrier, END_OF_INPUT, type StreamEvent } from '../../shared/record/stream-event.ts';
import type { StreamRecord } from '../../shared/record/stream-record.ts';
import type { OperatorContext } from '../../taskmanager/operators/operator-context.ts';
import { OperatorMetrics } from '../../taskmanager/operators/operator-metrics.ts';
import type {
  OperatorSnapshot,
  Output,
  StreamOperator,
} from '../../taskmanager/operators/stream-operator.ts';
import { backendFactory } from '../../taskmanager/state/create-backend.ts';
import { OperatorKeyedState } from '../../taskmanager/state/operator-keyed-state.ts';
import { MemorySnapshotStore } from './memory-snapshot-store.ts';

export interface OperatorRun {
  readonly emitted: readonly StreamRecord[];
  readonly rejected: readonly { readonly record: StreamRecord; readonly error: SluiceError }[];
}

export interface OperatorCheck {
  /** A fresh operator; called for every restore. */
  readonly create: () => StreamOperator;
  readonly input: readonly StreamRecord[];
  /** Results of operators that keep state come in any order. Default: the order counts. */
  readonly order?: 'same' | 'any';
  /** Default: `heap`. */
  readonly stateBackend?: StateBackendKind;
}

const NOW_MS = 1_700_000_000_000;

/** Both runs, compared; gives the plain one for further assertions. */
export async function checkOperator(check: OperatorCheck): Promise<OperatorRun> {
  const plain = await runOperator(check, { restoreBetween: false, capacity: Infinity });
  const hard = await runOperator(check, { restoreBetween: true, capacity: 1 });
  const canonical = (records: readonly StreamRecord[]) => {
    const texts = records.map((record) => JSON.stringify(record));
    return check.order === 'any' ? texts.sort() : texts;
  };
  assert.deepEqual(canonical(hard.emitted), canonical(plain.emitted));
  assert.deepEqual(
    hard.rejected.map(({ error }) => error.message),
    plain.rejected.map(({ error }) => error.message),
  );
  return plain;
}

interface RunOptions {
  readonly restoreBetween: boolean;
  readonly capacity: number;
}

async function runOperator(check: OperatorCheck, options: RunOptions): Promise<OperatorRun> {
  const output = new CollectingOutput(options.capacity);
  const rejected: { record: StreamRecord; error: SluiceError }[] = [];
  const reject = (record: StreamRecord, error: SluiceError) => {
    rejected.push({ record, error });
  };
  const store = new MemorySnapshotStore();
  const createBackend = await backendFactory(check.stateBackend ?? 'heap');
  const newState = () => new OperatorKeyedState(() => createBackend(SUBTASK));
  let operator = check.create();
  let keyed = newState();
  await operator.open(harnessContext(reject, keyed), output);

  for (const [index, record] of check.input.entries()) {
    output.drain();
    assert.ok(output.isReady(), 'the harness feeds only what fits');
    try {
      operator.processElement(record);
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      reject(record, error);
    }
    if (!options.restoreBetween) continue;
    const snapshot = operator.snapshotState?.(index);
    const written = keyed.snapshot({ checkpointId: index, barrier: barrierOf(index), store });
    const handles = await written?.handles;
    await operator.close?.();
    await keyed.close();
    operator = check.create();
    keyed = newState();
    const restored = Object.entries(handles ?? {}).map(([name, handle]) => [name, [handle]]);
    await keyed.restore({ lists: {}, keyed: Object.fromEntries(restored), loader: store });
    await operator.open(harnessContext(reject, keyed), output);
    if (snapshot !== undefined) await operator.restoreState?.([throughStorage(snapshot)]);
  }

  output.drain();
  await operator.finish?.();
  output.emitEvent(END_OF_INPUT);
  const emittedBeforeClose = output.count;
  await operator.close?.();
  await keyed.close();
  assert.equal(output.count, emittedBeforeClose, 'close must not emit');
  output.drain();
  return { emitted: output.drained, rejected };
}

function throughStorage(snapshot: OperatorSnapshot): OperatorSnapshot {
  return JSON.parse(JSON.stringify(snapshot)) as OperatorSnapshot;
}

class CollectingOutput implements Output {
  readonly drained: StreamRecord[] = [];
  readonly #capacity: number;
  #held: StreamRecord[] = [];
  #ended = false;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get count(): number {
    return this.drained.length + this.#held.length;
  }

  emit(record: StreamRecord): void {
    assert.ok(!this.#ended, 'nothing is emitted after the end of the input');
    this.#held.push(record);
  }

  emitEvent(event: StreamEvent): void {
    if (event.kind === 'end-of-input') this.#ended = true;
  }

  isReady(): boolean {
    return this.#held.length < this.#capacity;
  }

  drain(): void {
    this.drained.push(...this.#held);
    this.#held = [];
  }
}

const CLOCK = { nowMs: () => NOW_MS, monotonicMs: () => 0, setTimer: () => () => undefined };
const SUBTASK = { subtaskIndex: 0, parallelism: 1, maxParallelism: 128, clock: CLOCK };

function barrierOf(checkpointId: number): Barrier {
  const triggeredAtMs = NOW_MS;
  return {
    kind: 'barrier',
    checkpointId,
    triggeredAtMs,
    alignment: 'aligned',
    purpose: 'checkpoint',
  };
}

/** Keyed state that nobody snapshots. */
export async function heapState(): Promise<OperatorKeyedState> {
  const createBackend = await backendFactory('heap');
  return new OperatorKeyedState(() => createBackend(SUBTASK));
}

/** What an operator that only computes needs; whatever else it reaches for is a bug of the test. */
export function harnessContext(
  reject: (record: StreamRecord, error: SluiceError) => void,
  keyed?: OperatorKeyedState,
): OperatorContext {
  const outside = (): never => {
    throw new Error('this operator was not expected to reach outside');
  };
  return {
    jobId: 'job',
    jobName: 'harness',
    vertexId: 'vertex',
    operatorId: 'operator',
    ...SUBTASK,
    attempt: 0,
    taskManagerId: 'task-manager',
    mailbox: { execute: (mail) => mail() },
    metrics: new OperatorMetrics(),
    get fileSystems() {
      return outside();
    },
    get inference() {
      return outside();
    },
    keyedState: () => keyed?.state ?? outside(),
    reject,
    fail: (error) => {
      throw error;
    },
    setTimer: () => () => undefined,
  };
}
