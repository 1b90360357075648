import type { CheckpointPaths } from '../../shared/checkpoint/checkpoint-paths.ts';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { FileSystem } from '../../shared/filesystem/filesystem.ts';
import { relativePath } from '../../shared/filesystem/uri.ts';
import type { Clock } from '../../shared/time/clock.ts';
import { pause } from '../../shared/time/pause.ts';
import type { CheckpointRegistry } from '../checkpoint/completed-checkpoint.ts';
import type { Leadership } from '../leader-election/leadership.ts';
import { encodeRecord, hasEnded, type JobRecord, type NewJob, newRecord } from './job-record.ts';
import {
  isUncertain,
  JobRecordWriter,
  leadershipLost,
  type RecordChange,
  readRecord,
  type StoredRecord,
} from './job-record-writer.ts';

export interface JobStoreOptions {
  readonly fileSystem: FileSystem;
  readonly paths: CheckpointPaths;
  readonly clock: Clock;
  /** The term that this store writes in. */
  readonly leadership: Leadership;
}

const LIST_LIMIT = 100;
const RETRY_MS = 250;

/**
 * The records of all jobs in one leader's term: see {@link JobRecordWriter} for how they are written,
 * and why a deposed leader cannot. A job is written only after `create` or `takeOver`. Single-threaded.
 */
export class JobStore {
  readonly #options: JobStoreOptions;
  readonly #writers = new Map<string, JobRecordWriter>();
  readonly #abort = new AbortController();

  constructor(options: JobStoreOptions) {
    this.#options = options;
  }

  get epoch(): number {
    return this.#options.leadership.epoch;
  }

  /**
   * Resolves once every later leader knows the job. Rejects with LEADERSHIP_LOST where this one is no
   * longer the leader; the job may then be known to its successor nevertheless.
   */
  async create(job: NewJob): Promise<JobRecord> {
    const { fileSystem, paths, leadership } = this.#options;
    const { signal } = this.#abort;
    const uri = paths.job(job.jobId);
    const record = newRecord(job, leadership.epoch);
    this.#requireTerm(uri);
    try {
      const bytes = encodeRecord(uri, record);
      const { etag } = await fileSystem.put(uri, bytes, { ifAbsent: true, signal });
      this.#keep({ record, etag });
    } catch (error) {
      if (!isUncertain(error) || this.#writers.has(job.jobId)) throw error;
      const found = await this.#read(job.jobId);
      if (found?.record.epoch !== leadership.epoch) throw error;
      this.#keep(found);
    }
    // A successor may have listed the jobs before this one was there. If the lease is still ours after
    // the record was written, then whoever takes it later lists the jobs later too.
    if (!(await leadership.confirm())) throw leadershipLost(uri, leadership.epoch, null);
    return record;
  }

  /** The ids of all jobs that were ever submitted and not removed. */
  async list(): Promise<string[]> {
    const { fileSystem, paths } = this.#options;
    const { signal } = this.#abort;
    const prefix = `${paths.jobs()}/`;
    const ids: string[] = [];
    for (let startAfter = ''; ; ) {
      const page = await fileSystem.list(paths.jobs(), {
        limit: LIST_LIMIT,
        signal,
        ...(startAfter === '' ? {} : { startAfter }),
      });
      for (const { uri } of page.files) {
        const [id = ''] = uri.slice(prefix.length).split('/');
        if (id !== '' && ids.at(-1) !== id) ids.push(id);
      }
      const last = ids.at(-1);
      if (page.next === null || last === undefined) return ids;
      // Past all that lies below the last job: its checkpoints may be many. `0` is what follows `/`.
      startAfter = `${prefix}${last}0`;
    }
  }

  /** Null where there is no such job. For reading only. */
  async load(jobId: string): Promise<JobRecord | null> {
    const stored = await this.#read(jobId);
    return stored?.record ?? null;
  }

  /**
   * Fences the job: rewrites its record with this term's epoch, so that nobody of an earlier term can
   * write it any more. Do nothing about a job before. One that has ended is only read. Null: no such
   * job. Rejects with LEADERSHIP_LOST where a later term has the job.
   */
  async takeOver(jobId: string): Promise<JobRecord | null> {
    const { fileSystem, paths, leadership, clock } = this.#options;
    const { signal } = this.#abort;
    const uri = paths.job(jobId);
    for (;;) {
      const stored = await this.#read(jobId);
      if (stored === null || hasEnded(stored.record)) return stored?.record ?? null;
      const { record, etag } = stored;
      if (record.epoch > leadership.epoch) {
        leadership.superseded(record.epoch);
        throw leadershipLost(uri, leadership.epoch, record.epoch);
      }
      // A write of ours whose answer was lost.
      if (record.epoch === leadership.epoch) return this.#keep(stored);
      this.#requireTerm(uri);
      const { epoch } = leadership;
      const next = { ...record, epoch, revision: record.revision + 1 };
      try {
        const status = await fileSystem.put(uri, encodeRecord(uri, next), {
          ifMatch: etag,
          signal,
        });
        return this.#keep({ record: next, etag: status.etag });
      } catch (error) {
        if (!isUncertain(error)) throw error;
        // The deposed leader may have written once more: take over what it wrote.
        await pause(clock, RETRY_MS, signal);
      }
    }
  }

  /** As {@link JobRecordWriter.update}, of a job that was created or taken over here. */
  update(jobId: string, change: RecordChange): Promise<JobRecord> {
    const writer = this.#writers.get(jobId);
    if (writer !== undefined) return writer.update(change);
    const message = `job ${jobId} was not taken over`;
    return Promise.reject(
      new SluiceError('JOB_NOT_FOUND', message, { domain: 'internal', context: { job: jobId } }),
    );
  }

  /** A checkpoint counts for recovery once the job's record names it. */
  registry(jobId: string): CheckpointRegistry {
    return {
      register: async ({ checkpointId }, retained) => {
        await this.update(jobId, (record) => ({
          ...record,
          checkpoints: retained,
          nextCheckpointId: Math.max(record.nextCheckpointId, checkpointId + 1),
        }));
      },
    };
  }

  /** Whether a job that has not ended may have to start again from what lies in this folder. */
  isNeeded(folder: string): boolean {
    return [...this.#writers.values()].some(
      ({ record }) =>
        !hasEnded(record) &&
        record.checkpoints.some(({ uri }) => relativePath(folder, uri) !== null),
    );
  }

  /** Forgets a job that has ended; its checkpoints and savepoints stay where they are. */
  async remove(jobId: string): Promise<void> {
    const { fileSystem, paths } = this.#options;
    const uri = paths.job(jobId);
    this.#requireTerm(uri);
    // A write that waits would bring it back.
    await this.#writers.get(jobId)?.update((record) => record);
    this.#writers.delete(jobId);
    await fileSystem.delete(uri, { signal: this.#abort.signal, pruneBelow: paths.jobs() });
  }

  /** The term is over: whatever is under way or comes later is refused. */
  close(): void {
    this.#abort.abort();
  }

  async #read(jobId: string): Promise<StoredRecord | null> {
    const { fileSystem, paths } = this.#options;
    try {
      return await readRecord(fileSystem, paths.job(jobId), this.#abort.signal);
    } catch (error) {
      if (error instanceof SluiceError && error.code === 'STORAGE_NOT_FOUND') return null;
      throw error;
    }
  }

  #keep(stored: StoredRecord): JobRecord {
    const { fileSystem, paths, clock, leadership } = this.#options;
    const { jobId } = stored.record;
    const uri = paths.job(jobId);
    const { signal } = this.#abort;
    const writer = new JobRecordWriter(stored, { fileSystem, uri, clock, leadership, signal });
    this.#writers.set(jobId, writer);
    return stored.record;
  }

  #requireTerm(uri: string): void {
    const { leadership } = this.#options;
    if (this.#abort.signal.aborted || !leadership.isValid()) {
      throw leadershipLost(uri, leadership.epoch, null);
    }
  }
}
