/**
 * `transform: count`: counts the records of each key and emits the counts at the end of the input,
 * all of them at once: what is emitted there no barrier can split. The counts are keyed state. On
 * the heap a single key field is looked up as it is, without an encoding. Slot's thread.
 */
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import type { CompiledCountOptions } from '../../../shared/job-graph/compiled-options.ts';
import { compileFieldPath, type FieldGetter } from '../../../shared/record/field-path.ts';
import { StreamRecord } from '../../../shared/record/stream-record.ts';
import type { ReducingStateDescriptor } from '../../state/state-descriptor.ts';
import type { KeyPart } from '../../state/state-key.ts';
import type { ReducingState } from '../../state/states.ts';
import type { OperatorContext } from '../operator-context.ts';
import type { OperatorSnapshot, Output, StreamOperator } from '../stream-operator.ts';

const EVENT_TIME_MAX = 'eventTimeMaxMs';

const COUNTS: ReducingStateDescriptor<number> = {
  name: 'counts',
  reduce: (before, value) => before + value,
  upgrade: countOf,
};

export class CountOperator implements StreamOperator {
  readonly #paths: readonly string[];
  readonly #fieldNames: readonly string[];
  readonly #getters: readonly FieldGetter[];
  readonly #firstGetter: FieldGetter;
  #counts: ReducingState<number> | null = null;
  #eventTimeMaxMs = Number.NEGATIVE_INFINITY;
  #context: OperatorContext | null = null;
  #output: Output | null = null;

  constructor(options: CompiledCountOptions) {
    this.#paths = options.keyBy;
    this.#fieldNames = options.keyBy.map((path) => path.slice(path.lastIndexOf('.') + 1));
    this.#getters = options.keyBy.map(compileFieldPath);
    this.#firstGetter = this.#getters[0] ?? (() => undefined);
  }

  open(context: OperatorContext, output: Output): void {
    this.#context = context;
    this.#output = output;
    this.#counts = context.keyedState().reducing(COUNTS);
  }

  restoreState(snapshots: readonly OperatorSnapshot[]): void {
    for (const { lists } of snapshots) {
      for (const eventTimeMs of (lists[EVENT_TIME_MAX] ?? []) as readonly number[]) {
        this.#eventTimeMaxMs = Math.max(this.#eventTimeMaxMs, eventTimeMs);
      }
    }
  }

  processElement(record: StreamRecord): void {
    const { value, eventTimeMs } = record;
    const key =
      this.#getters.length === 1
        ? this.#checked(this.#firstGetter(value), 0)
        : this.#getters.map((getter, index) => this.#checked(getter(value), index));
    this.#counts?.addAt(key, 1);
    if (eventTimeMs > this.#eventTimeMaxMs) this.#eventTimeMaxMs = eventTimeMs;
  }

  snapshotState(): OperatorSnapshot {
    const isKnown = Number.isFinite(this.#eventTimeMaxMs);
    return {
      operatorId: this.#context?.operatorId ?? '',
      lists: { [EVENT_TIME_MAX]: isKnown ? [this.#eventTimeMaxMs] : [] },
      // After a rescale every subtask knows the latest time of all.
      modes: { [EVENT_TIME_MAX]: 'union' },
    };
  }

  finish(): void {
    const nowMs = this.#context?.clock.nowMs() ?? 0;
    for (const [key, count] of this.#counts?.entries() ?? []) {
      const parts = typeof key === 'object' && key !== null ? key : [key];
      const value: Record<string, unknown> = {};
      for (const [index, name] of this.#fieldNames.entries()) value[name] = parts[index];
      value['count'] = count;
      this.#output?.emit(new StreamRecord(value, this.#eventTimeMaxMs, nowMs, null, null, null));
    }
    // Whoever starts from the final checkpoint must not emit them again.
    this.#counts?.clearAll();
  }

  #checked(part: unknown, index: number): KeyPart {
    switch (typeof part) {
      case 'string':
      case 'number':
      case 'boolean':
        return part;
      default:
        if (part === null) return null;
        throw noKey(this.#paths[index] ?? '', part);
    }
  }
}

/** Stored is the number; an object with it and more would be a later version's. */
function countOf(stored: unknown): number {
  if (typeof stored === 'number') return stored;
  const count = (stored as { count?: unknown } | null | undefined)?.count;
  return typeof count === 'number' ? count : 0;
}

function noKey(path: string, part: unknown): SluiceError {
  const found = part === undefined ? 'is missing' : 'is no single value';
  return new SluiceError('RECORD_INVALID', `the key field "${path}" ${found}`, {
    domain: 'user',
    context: { field: path },
  });
}
