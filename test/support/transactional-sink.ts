/** A sink with two phases whose storage is a map: what tests of the runtime commit to. */
import type { StreamRecord } from '../../shared/record/stream-record.ts';
import type { OperatorContext } from '../../taskmanager/operators/operator-context.ts';
import type {
  Committer,
  PreCommit,
  Sink,
  SinkWriter,
} from '../../taskmanager/operators/sink-writer.ts';

export interface Transaction {
  readonly id: string;
  readonly values: readonly unknown[];
}

/** Outlives the attempts that write to it. */
export class TransactionalStorage {
  /** Durable and invisible, by id. */
  readonly pending = new Map<string, Transaction>();
  /** Ids in the order of their first commit. */
  readonly committed = new Map<string, Transaction>();
  readonly log: string[] = [];
  commitFailure: Error | null = null;
  /** While set, pre-commits and commits wait. */
  gate: Promise<void> | null = null;

  /** Everything visible, in order. */
  get values(): unknown[] {
    return [...this.committed.values()].flatMap(({ values }) => values);
  }
}

export function transactionalSink(
  storage: TransactionalStorage,
  toValue: (record: StreamRecord) => unknown = (record) => record.value['n'],
): Sink<Transaction> {
  return { writer: new Writer(storage, toValue), committer: new StorageCommitter(storage) };
}

class Writer implements SinkWriter<Transaction> {
  readonly #storage: TransactionalStorage;
  readonly #toValue: (record: StreamRecord) => unknown;
  #values: unknown[] = [];
  #next = 0;
  #prefix = '';

  constructor(storage: TransactionalStorage, toValue: (record: StreamRecord) => unknown) {
    this.#storage = storage;
    this.#toValue = toValue;
  }

  open(context: OperatorContext): void {
    this.#prefix = transactionPrefix(context) + context.attempt;
  }

  write(record: StreamRecord): void {
    this.#values.push(this.#toValue(record));
  }

  isReady(): boolean {
    return true;
  }

  onReady(): void {}

  async prepareCommit(preCommit: PreCommit): Promise<readonly Transaction[]> {
    if (preCommit === 'finished' || this.#values.length === 0) return [];
    const transaction = { id: `${this.#prefix}/${this.#next}`, values: this.#values };
    this.#next += 1;
    this.#values = [];
    await this.#storage.gate;
    this.#storage.pending.set(transaction.id, transaction);
    this.#storage.log.push(`pre-commit ${transaction.id}`);
    return [transaction];
  }

  async close(): Promise<void> {
    this.#values = [];
  }
}

function transactionPrefix({ operatorId, subtaskIndex }: OperatorContext): string {
  return `${operatorId}/${subtaskIndex}/`;
}

class StorageCommitter implements Committer<Transaction> {
  readonly #storage: TransactionalStorage;

  constructor(storage: TransactionalStorage) {
    this.#storage = storage;
  }

  async commit(transactions: readonly Transaction[]): Promise<void> {
    await this.#storage.gate;
    if (this.#storage.commitFailure !== null) throw this.#storage.commitFailure;
    for (const { id } of transactions) {
      this.#storage.log.push(`commit ${id}`);
      const pending = this.#storage.pending.get(id);
      if (pending === undefined) {
        if (!this.#storage.committed.has(id)) throw new Error(`${id} is lost`);
        continue;
      }
      this.#storage.pending.delete(id);
      this.#storage.committed.set(id, pending);
    }
  }

  async abort(transactions: readonly Transaction[]): Promise<void> {
    for (const { id } of transactions) this.#storage.pending.delete(id);
  }

  async recover(context: OperatorContext, restored: readonly Transaction[]): Promise<void> {
    const kept = new Set(restored.map(({ id }) => id));
    const prefix = transactionPrefix(context);
    for (const id of this.#storage.pending.keys()) {
      if (!id.startsWith(prefix) || kept.has(id)) continue;
      // A recovery that was slow may find what a later attempt has prepared by then.
      const attempt = Number.parseInt(id.slice(prefix.length), 10);
      if (attempt < context.attempt) this.#storage.pending.delete(id);
    }
  }
}
