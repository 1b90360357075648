import { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { FileSystem } from '../../shared/filesystem/filesystem.ts';
import type { Clock } from '../../shared/time/clock.ts';
import { pause } from '../../shared/time/pause.ts';
import type { Leadership } from '../leader-election/leadership.ts';
import { decodeRecord, encodeRecord, JOB_RECORD_BYTES_MAX, type JobRecord } from './job-record.ts';

export type RecordChange = (record: JobRecord) => JobRecord;

export interface StoredRecord {
  readonly record: JobRecord;
  readonly etag: string;
}

export interface JobRecordWriterOptions {
  readonly fileSystem: FileSystem;
  readonly uri: string;
  readonly clock: Clock;
  readonly leadership: Leadership;
  /** Aborted when the term is over. */
  readonly signal: AbortSignal;
}

interface PendingChange {
  readonly change: RecordChange;
  readonly resolve: (record: JobRecord) => void;
  readonly reject: (error: unknown) => void;
}

/** Changes that wait for the write before them; they become one write. */
const CHANGES_PENDING_MAX = 1_024;
/** The storage's own retries are over by then; only an outage comes here. */
const RETRY_MS = 250;

/**
 * The writes of one job's record, in one leader's term: one at a time, each a compare-and-swap on the
 * one before, changes that come meanwhile together in the next. Every write carries the term's epoch
 * and replaces exactly what this writer wrote or took over: so a deposed leader's write is refused, for
 * its successor has rewritten the record. A write without an answer is settled by reading.
 */
export class JobRecordWriter {
  readonly #options: JobRecordWriterOptions;
  #stored: StoredRecord;
  #pending: PendingChange[] = [];
  #writing = false;
  /** Another leader writes by now. */
  #lost: SluiceError | null = null;

  /** `stored` was written in this term. */
  constructor(stored: StoredRecord, options: JobRecordWriterOptions) {
    this.#stored = stored;
    this.#options = options;
  }

  /** As it was last written. */
  get record(): JobRecord {
    return this.#stored.record;
  }

  /**
   * Resolves once the change is durable. Rejects with LEADERSHIP_LOST where it is not, or may not be.
   * The change is applied once, to the newest record; the same record back means: nothing to write.
   */
  update(change: RecordChange): Promise<JobRecord> {
    return new Promise((resolve, reject) => {
      if (this.#pending.length >= CHANGES_PENDING_MAX) {
        const message = `more than ${CHANGES_PENDING_MAX} changes of a job's record wait`;
        const context = { uri: this.#options.uri };
        reject(new SluiceError('STORAGE_UNAVAILABLE', message, { domain: 'external', context }));
        return;
      }
      this.#pending.push({ change, resolve, reject });
      if (!this.#writing) void this.#writeAll();
    });
  }

  /** Never rejects. */
  async #writeAll(): Promise<void> {
    this.#writing = true;
    while (this.#pending.length > 0) {
      const batch = this.#pending;
      this.#pending = [];
      try {
        await this.#writeBatch(batch);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#writing = false;
  }

  async #writeBatch(batch: readonly PendingChange[]): Promise<void> {
    if (this.#lost !== null) throw this.#lost;
    const { record } = this.#stored;
    let next = record;
    for (const { change } of batch) next = change(next);
    if (next !== record) {
      const { epoch } = this.#options.leadership;
      this.#stored = await this.#write({ ...next, epoch, revision: record.revision + 1 });
    }
    for (const { resolve } of batch) resolve(next);
  }

  async #write(record: JobRecord): Promise<StoredRecord> {
    const { fileSystem, uri, signal, leadership, clock } = this.#options;
    const bytes = encodeRecord(uri, record);
    for (;;) {
      if (signal.aborted || !leadership.isValid()) throw this.#deposed(null);
      try {
        // COMMIT POINT: from here a later leader goes on from this record.
        const { etag } = await fileSystem.put(uri, bytes, { ifMatch: this.#stored.etag, signal });
        return { record, etag };
      } catch (error) {
        if (signal.aborted) throw this.#deposed(null);
        if (!isUncertain(error)) throw error;
        const settled = await this.#readBack(record);
        if (settled !== null) return settled;
        await pause(clock, RETRY_MS, signal);
      }
    }
  }

  /** What became of a write: ours stands, or null where the record before it still does. */
  async #readBack(written: JobRecord): Promise<StoredRecord | null> {
    const { fileSystem, uri, signal, leadership } = this.#options;
    let found: StoredRecord;
    try {
      found = await readRecord(fileSystem, uri, signal);
    } catch (error) {
      if (isUncertain(error)) return null;
      const isGone = error instanceof SluiceError && error.code === 'STORAGE_NOT_FOUND';
      throw isGone || signal.aborted ? this.#deposed(null) : error;
    }
    const { epoch, revision } = found.record;
    if (epoch === written.epoch && revision === written.revision) return found;
    if (found.etag === this.#stored.etag) return null;
    if (epoch > written.epoch) leadership.superseded(epoch);
    throw this.#deposed(epoch);
  }

  #deposed(epoch: number | null): SluiceError {
    this.#lost ??= leadershipLost(this.#options.uri, this.#options.leadership.epoch, epoch);
    return this.#lost;
  }
}

export function leadershipLost(uri: string, epoch: number, other: number | null): SluiceError {
  const by = other === null ? '' : `: it has epoch ${other}`;
  const message = `${uri} cannot be written in epoch ${epoch} any more${by}`;
  return new SluiceError('LEADERSHIP_LOST', message, {
    domain: 'external',
    context: { uri, epoch },
    hint: 'another job manager leads; ask it',
  });
}

export async function readRecord(
  fileSystem: FileSystem,
  uri: string,
  signal: AbortSignal,
): Promise<StoredRecord> {
  const content = await fileSystem.read(uri, { sizeMax: JOB_RECORD_BYTES_MAX, signal });
  return { record: decodeRecord(uri, content.bytes), etag: content.status.etag };
}

/** Whether a write may have happened all the same, or may happen if it is tried again. */
export function isUncertain(error: unknown): boolean {
  if (!(error instanceof SluiceError)) return false;
  const { code, retry } = error;
  return retry === 'backoff' || code === 'PRECONDITION_FAILED' || code === 'OBJECT_CHANGED';
}
