/**
 * Runs a StreamOperator the hard way and the plain way, and asks for the same results (after
 * Hazelcast Jet's TestSupport). The hard way: the output takes one record at a time and is drained
 * before the next input, and between any two records the operator is snapshot, thrown away, and
 * another one restored from the snapshot, which went through JSON as it would through storage.
 */
import assert from 'node:assert/strict';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import { END_OF_INPUT, type StreamEvent } from '../../shared/record/stream-event.ts';
import type { StreamRecord } from '../../shared/record/stream-record.ts';
import type { OperatorContext } from '../../taskmanager/operators/operator-context.ts';
import { OperatorMetrics } from '../../taskmanager/operators/operator-metrics.ts';
import type {
  OperatorSnapshot,
  Output,
  StreamOperator,
} from '../../taskmanager/operators/stream-operator.ts';

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
  let operator = check.create();
  await operator.open(harnessContext(reject), output);

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
    await operator.close?.();
    operator = check.create();
    await operator.open(harnessContext(reject), output);
    if (snapshot !== undefined) await operator.restoreState?.([throughStorage(snapshot)]);
  }

  output.drain();
  await operator.finish?.();
  output.emitEvent(END_OF_INPUT);
  const emittedBeforeClose = output.count;
  await operator.close?.();
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

/** What an operator that only computes needs; whatever else it reaches for is a bug of the test. */
export function harnessContext(
  reject: (record: StreamRecord, error: SluiceError) => void,
): OperatorContext {
  const outside = (): never => {
    throw new Error('this operator was not expected to reach outside');
  };
  return {
    jobId: 'job',
    jobName: 'harness',
    vertexId: 'vertex',
    operatorId: 'operator',
    subtaskIndex: 0,
    parallelism: 1,
    maxParallelism: 128,
    attempt: 0,
    taskManagerId: 'task-manager',
    clock: { nowMs: () => NOW_MS, monotonicMs: () => 0, setTimer: () => () => undefined },
    mailbox: { execute: (mail) => mail() },
    metrics: new OperatorMetrics(),
    get fileSystems() {
      return outside();
    },
    get inference() {
      return outside();
    },
    reject,
    fail: (error) => {
      throw error;
    },
    setTimer: () => () => undefined,
  };
}
