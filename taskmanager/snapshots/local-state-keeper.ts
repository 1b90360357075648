import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import type { Logger } from '../../shared/observability/logger.ts';
import type { CancelTimer, Clock } from '../../shared/time/clock.ts';
import { localName } from './local-state.ts';

/** Copies of a job without tasks here, and those that an earlier process left, stay for so long. */
const IDLE_MS = 10 * 60_000;
/** Bytes that wait to be written; what comes beyond is not kept. */
const WAITING_BYTES_MAX = 256 * 1024 ** 2;
const OWNER = 'owner';

export interface LocalStateKeeperOptions {
  /** Of this task manager alone; made when there is something to keep. */
  readonly folder: string;
  /** 0: nothing is kept. */
  readonly bytesMax: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Copy {
  /** Null: an earlier process left it, and nobody has named it yet. */
  jobId: string | null;
  readonly checkpointId: number;
  readonly bytes: number;
}

interface JobCopies {
  /** Checkpoint → the names of the objects that the acknowledgements of this task manager refer to. */
  readonly referenced: Map<number, Set<string>>;
  cancelIdleTimer: CancelTimer;
}

/**
 * Keeps the local copies (`local-state.ts`): those that the latest completed checkpoint of a job refers
 * to, and what newer ones have written. Bounded by bytes: what does not fit is not kept. Whatever goes
 * wrong here is logged, and harms nothing. Main thread; files are written one after the other.
 */
export class LocalStateKeeper {
  readonly #options: LocalStateKeeperOptions;
  /** By name. */
  readonly #copies = new Map<string, Copy>();
  readonly #jobs = new Map<string, JobCopies>();
  #bytes = 0;
  #waitingBytes = 0;
  #work: Promise<void> = Promise.resolve();
  #cancelLeftoversTimer: CancelTimer = () => {};
  #isClosed = false;

  constructor(options: LocalStateKeeperOptions) {
    this.#options = options;
  }

  /** Takes over what a process of the same name left, and removes what dead ones have beside it. */
  start(parent: string): void {
    this.#do(async () => {
      await this.#takeOver();
      await this.#removeDead(parent);
    });
    this.#cancelLeftoversTimer = this.#options.clock.setTimer(IDLE_MS, () => {
      for (const [name, { jobId }] of this.#copies) if (jobId === null) this.#remove(name);
    });
  }

  /** An object that has just been stored. */
  keep(
    object: { readonly jobId: string; readonly checkpointId: number; readonly uri: string },
    pieces: readonly Uint8Array[],
  ): void {
    const { jobId, checkpointId, uri } = object;
    const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const fits = this.#bytes + bytes <= this.#options.bytesMax;
    if (!fits || this.#waitingBytes + bytes > WAITING_BYTES_MAX || this.#isClosed) return;
    const name = localName(uri);
    this.#job(jobId);
    this.#copies.set(name, { jobId, checkpointId, bytes });
    this.#bytes += bytes;
    this.#waitingBytes += bytes;
    this.#do(async () => {
      this.#waitingBytes -= bytes;
      if (!this.#copies.has(name)) return;
      await this.#write(name, pieces).catch((error: unknown) => {
        this.#remove(name);
        throw error;
      });
    });
  }

  /** A task here has acknowledged a checkpoint, whose state lies in these objects. */
  acknowledged(jobId: string, checkpointId: number, uris: Iterable<string>): void {
    const { referenced } = this.#job(jobId);
    const names = referenced.get(checkpointId) ?? new Set();
    referenced.set(checkpointId, names);
    for (const uri of uris) {
      const name = localName(uri);
      names.add(name);
      const copy = this.#copies.get(name);
      if (copy !== undefined) copy.jobId = jobId;
    }
  }

  /** From now on nobody restores from an earlier one. */
  completed(jobId: string, checkpointId: number): void {
    const { referenced } = this.#job(jobId);
    const names = referenced.get(checkpointId);
    for (const id of referenced.keys()) if (id < checkpointId) referenced.delete(id);
    // Nobody here took part: nothing is known of what it needs.
    if (names === undefined) return;
    for (const [name, copy] of this.#copies) {
      const isOld = copy.jobId === jobId && copy.checkpointId <= checkpointId;
      if (isOld && !names.has(name)) this.#remove(name);
    }
  }

  aborted(jobId: string, checkpointId: number): void {
    this.#job(jobId).referenced.delete(checkpointId);
    for (const [name, copy] of this.#copies) {
      if (copy.jobId === jobId && copy.checkpointId === checkpointId) this.#remove(name);
    }
  }

  /** No task of the job runs here: it has ended, or starts again. */
  idle(jobId: string): void {
    const job = this.#jobs.get(jobId);
    if (job === undefined) return;
    job.cancelIdleTimer();
    job.cancelIdleTimer = this.#options.clock.setTimer(IDLE_MS, () => {
      this.#jobs.delete(jobId);
      for (const [name, copy] of this.#copies) if (copy.jobId === jobId) this.#remove(name);
    });
  }

  /** A task of the job runs here again. */
  active(jobId: string): void {
    this.#jobs.get(jobId)?.cancelIdleTimer();
  }

  /** Resolves when everything that was begun is on the disk. */
  async settled(): Promise<void> {
    await this.#work;
  }

  /** A task manager that is told to stop leaves nothing behind. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelLeftoversTimer();
    for (const { cancelIdleTimer } of this.#jobs.values()) cancelIdleTimer();
    this.#copies.clear();
    this.#do(() => rm(this.#options.folder, { recursive: true, force: true }));
    await this.#work;
  }

  #job(jobId: string): JobCopies {
    let job = this.#jobs.get(jobId);
    if (job === undefined) {
      job = { referenced: new Map(), cancelIdleTimer: () => {} };
      this.#jobs.set(jobId, job);
    }
    return job;
  }

  #remove(name: string): void {
    const copy = this.#copies.get(name);
    if (copy === undefined) return;
    this.#copies.delete(name);
    this.#bytes -= copy.bytes;
    this.#do(() => rm(join(this.#options.folder, name), { force: true }));
  }

  async #write(name: string, pieces: readonly Uint8Array[]): Promise<void> {
    const { folder } = this.#options;
    // What is in it is as secret as the data.
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(join(folder, OWNER), `${process.pid}\n`);
    const path = join(folder, name);
    const file = await open(`${path}.part`, 'w', 0o600);
    try {
      for (const piece of pieces) await file.writeFile(piece);
    } finally {
      await file.close();
    }
    await rename(`${path}.part`, path);
  }

  async #takeOver(): Promise<void> {
    const { folder, bytesMax } = this.#options;
    for (const name of await readdir(folder).catch(() => [])) {
      if (name === OWNER) continue;
      const path = join(folder, name);
      const bytes = (await stat(path)).size;
      const fits = this.#bytes + bytes <= bytesMax && !name.endsWith('.part');
      if (!fits) await rm(path, { force: true });
      else if (!this.#copies.has(name)) {
        this.#copies.set(name, { jobId: null, checkpointId: 0, bytes });
        this.#bytes += bytes;
      }
    }
  }

  async #removeDead(parent: string): Promise<void> {
    for (const entry of await readdir(parent).catch(() => [])) {
      const folder = join(parent, entry);
      if (folder === this.#options.folder) continue;
      const owner = join(folder, OWNER);
      const processId = Number(await readFile(owner, 'utf8').catch(() => ''));
      if (processId === 0 || isAlive(processId)) continue;
      // One that was killed just now is being started again.
      const ageMs = this.#options.clock.nowMs() - (await stat(owner)).mtimeMs;
      if (ageMs > IDLE_MS) await rm(folder, { recursive: true, force: true });
    }
  }

  #do(work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch((error: unknown) => {
      const { folder, logger } = this.#options;
      logger.warn({ folder, error }, 'a local copy of state could not be kept or removed');
    });
  }
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM';
  }
}
