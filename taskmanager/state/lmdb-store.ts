/**
 * The B-tree of one backend: one file, memory-mapped, on the local disk. It is working memory, not
 * storage: never synced, and its name is removed as soon as it is open, so that the disk gets the
 * space back however the process ends. Writes are synchronous transactions; a read transaction sees
 * the tree as of its beginning. The only file that knows the library. Slot's thread.
 *
 * Close it before the thread ends: where several threads are terminated with open environments, the
 * library's clean-up of one may wait for ever for another's, and the process does not end by itself.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Database, open, type RootDatabase, type Transaction } from 'lmdb';
import { invariant } from '../../shared/errors/invariant.ts';

/** Keys of LMDB's pages of 4 KiB may be so long. */
export const LMDB_KEY_BYTES_MAX = 1978;

/** Entries read at a time: between two reads others may write. */
const READ_ENTRIES = 512;
/** States of one operator. */
const TABLES_MAX = 64;
/** Changes of so many unconfirmed epochs are noted, each in a database of its own. */
export const CHANGE_LISTS = 8;

export type Bytes = Buffer;
type ByteDatabase = Database<Bytes, Bytes>;

const NOTHING = Buffer.from([0]);

export class LmdbStore {
  readonly #folder: string;
  readonly #environment: RootDatabase<Bytes, Bytes>;
  /** One for each state. */
  readonly #entries: ByteDatabase[] = [];
  readonly #changes: readonly ByteDatabase[];

  /** `directory`: default, one under the system's folder for temporary files. */
  constructor(directory: string | null) {
    const parent = directory ?? join(tmpdir(), 'sluice-state');
    mkdirSync(parent, { recursive: true });
    this.#folder = mkdtempSync(join(parent, 'lmdb-'));
    this.#environment = open<Bytes, Bytes>({
      path: join(this.#folder, 'state'),
      noSubdir: true,
      noSync: true,
      noMetaSync: true,
      overlappingSync: false,
      maxDbs: CHANGE_LISTS + TABLES_MAX + 1,
      ...BINARY,
    });
    this.#changes = Array.from({ length: CHANGE_LISTS }, (_, index) =>
      this.#environment.openDB<Bytes, Bytes>(`changes-${index}`, BINARY),
    );
    this.#removeFolder();
  }

  /** A further state; gives its number. */
  addTable(): number {
    const number = this.#entries.length;
    invariant(number < TABLES_MAX, 'an operator has few states', { number });
    this.#entries.push(this.#environment.openDB<Bytes, Bytes>(`entries-${number}`, BINARY));
    return number;
  }

  get entryCount(): number {
    return this.#entries.reduce(
      (sum, table) => sum + (table.getStats() as { entryCount: number }).entryCount,
      0,
    );
  }

  /** Valid until the next call. */
  get(table: number, key: Bytes): Bytes | undefined {
    return this.#entries[table]?.getBinaryFast(key);
  }

  write(work: () => void): void {
    this.#environment.transactionSync(work);
  }

  /** Inside `write`. */
  put(table: number, key: Bytes, value: Bytes): void {
    this.#entries[table]?.putSync(key, value);
  }

  /** Inside `write`. */
  remove(table: number, key: Bytes): void {
    this.#entries[table]?.removeSync(key);
  }

  clear(table: number): void {
    this.#entries[table]?.clearSync();
  }

  /** Inside `write`. */
  noteChange(list: number, key: Bytes): void {
    this.#changes[list]?.putSync(key, NOTHING);
  }

  clearChanges(list: number): void {
    this.#changes[list]?.clearSync();
  }

  beginRead(): Transaction {
    return this.#environment.useReadTransaction();
  }

  read(table: number, key: Bytes, transaction: Transaction): Bytes | undefined {
    return this.#entries[table]?.get(key, { transaction });
  }

  /** Keys that begin with the prefix, in order; null: as of each read. */
  *entries(
    table: number,
    prefix: Bytes,
    transaction: Transaction | null,
  ): Iterable<{ readonly key: Bytes; readonly value: Bytes }> {
    const database = this.#entries[table];
    if (database !== undefined) yield* scan(database, prefix, transaction);
  }

  *changedKeys(list: number, prefix: Bytes, transaction: Transaction): Iterable<Bytes> {
    const database = this.#changes[list];
    if (database === undefined) return;
    for (const { key } of scan(database, prefix, transaction)) yield key;
  }

  async close(): Promise<void> {
    await this.#environment.close();
    this.#removeFolder();
  }

  #removeFolder(): void {
    try {
      rmSync(this.#folder, { recursive: true, force: true });
    } catch {
      // Some systems keep the names of open files: `close` tries again.
    }
  }
}

const BINARY = { keyEncoding: 'binary', encoding: 'binary', cache: false } as const;

function* scan(
  database: ByteDatabase,
  prefix: Bytes,
  transaction: Transaction | null,
): Iterable<{ key: Bytes; value: Bytes }> {
  const end = successorOf(prefix);
  let start = prefix;
  for (;;) {
    const range = { start, end, limit: READ_ENTRIES };
    const found = database.getRange(transaction === null ? range : { ...range, transaction });
    const part = [...found];
    yield* part;
    const last = part.at(-1);
    if (last === undefined || part.length < READ_ENTRIES) return;
    // The next possible key.
    start = Buffer.concat([last.key, NOTHING]);
  }
}

/** The first key behind all that begin with the prefix (which ends with no 0xff, by its making). */
function successorOf(prefix: Bytes): Bytes {
  const next = Buffer.from(prefix);
  for (let index = next.length - 1; index >= 0; index -= 1) {
    if (next[index] !== 0xff) {
      next[index] = (next[index] as number) + 1;
      return next.subarray(0, index + 1);
    }
  }
  return Buffer.alloc(LMDB_KEY_BYTES_MAX, 0xff);
}
