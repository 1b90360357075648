import { checkpointFolder, sharedStateFolder } from '../../shared/checkpoint/checkpoint-paths.ts';
import { SluiceError, serializeError } from '../../shared/errors/sluice-error.ts';
import type { FileSystemRegistry } from '../../shared/filesystem/filesystem-registry.ts';
import { joinUri } from '../../shared/filesystem/uri.ts';
import type { CancelTimer, Clock } from '../../shared/time/clock.ts';
import type { StatePiece, StoredPiece } from '../slots/slot-messages.ts';
import type { CheckpointTarget, StateScope } from '../task/snapshot-store.ts';
import type { LocalStateKeeper } from './local-state-keeper.ts';
import { type PackedPiece, packObject, writeObject } from './state-object.ts';

/** A task manager writes so many objects in one checkpoint: requests cost money, and time. */
const OBJECTS_MAX = 3;
/** From the first piece on; then an object is written, though others are still to come. */
const GATHER_MS = 50;
/** The last object waits for everybody, but not for someone who waits for it. */
const LAST_QUIET_MS = 5_000;

const SCOPES: readonly StateScope[] = ['checkpoint', 'shared'];

interface WaitingPiece extends StatePiece {
  readonly done: (result: StoredPiece) => void;
}

/** One job's checkpoint, as far as this task manager takes part in it. */
interface Upload {
  readonly checkpointId: number;
  readonly directory: string;
  /** Attempts whose pieces are all here. */
  readonly handedOver: Set<string>;
  readonly scopes: Set<StateScope>;
  waiting: WaitingPiece[];
  objects: number;
  cancelTimer: CancelTimer | null;
}

/** What is known of a job while it has attempts here. */
interface JobUploads {
  readonly uploads: Map<number, Upload>;
  /** Checkpoints up to this one are complete or aborted. */
  endedId: number;
}

/**
 * Packs the pieces of state that the slots hand over, of all tasks of a job, into at most three
 * objects a checkpoint: one when everybody has handed over what he has, or a little after the first
 * piece; the last one waits. Main thread; what waits is bounded by the size of the state.
 */
export class SnapshotUploader {
  readonly #options: {
    readonly taskManagerId: string;
    readonly fileSystems: FileSystemRegistry;
    readonly clock: Clock;
    /** The attempts of the job that run here. */
    readonly attemptsOf: (jobId: string) => readonly string[];
    /** Gets a copy of what was stored. */
    readonly localState?: LocalStateKeeper;
  };
  readonly #jobs = new Map<string, JobUploads>();

  constructor(options: {
    readonly taskManagerId: string;
    readonly fileSystems: FileSystemRegistry;
    readonly clock: Clock;
    readonly attemptsOf: (jobId: string) => readonly string[];
    readonly localState?: LocalStateKeeper;
  }) {
    this.#options = options;
  }

  store(piece: StatePiece, done: (result: StoredPiece) => void): void {
    const upload = this.#uploadOf(piece);
    if (upload === null) {
      done(failed(overError(piece.checkpointId)));
      return;
    }
    upload.waiting.push({ ...piece, done });
    upload.scopes.add(piece.scope);
    this.#consider(piece.jobId, upload);
  }

  handedOver(target: CheckpointTarget): void {
    const upload = this.#uploadOf(target);
    if (upload === null) return;
    upload.handedOver.add(target.attemptId);
    this.#consider(target.jobId, upload);
  }

  /** The checkpoint is complete or aborted: whatever of it still waits is wanted no more. */
  ended(jobId: string, checkpointId: number): void {
    const job = this.#jobs.get(jobId);
    if (job === undefined) return;
    job.endedId = Math.max(job.endedId, checkpointId);
    for (const [id, upload] of job.uploads) {
      if (id > checkpointId) continue;
      drop(upload);
      job.uploads.delete(id);
    }
  }

  /** Its pieces are no longer waited for. */
  attemptEnded(jobId: string): void {
    const job = this.#jobs.get(jobId);
    if (job === undefined) return;
    if (this.#options.attemptsOf(jobId).length === 0) {
      for (const upload of job.uploads.values()) drop(upload);
      this.#jobs.delete(jobId);
      return;
    }
    for (const upload of job.uploads.values()) this.#consider(jobId, upload);
  }

  /** Null where the checkpoint is over. */
  #uploadOf({ jobId, checkpointId, directory }: CheckpointTarget): Upload | null {
    let job = this.#jobs.get(jobId);
    if (job === undefined) {
      job = { uploads: new Map(), endedId: Number.NEGATIVE_INFINITY };
      this.#jobs.set(jobId, job);
    }
    if (checkpointId <= job.endedId) return null;
    let upload = job.uploads.get(checkpointId);
    if (upload === undefined) {
      upload = {
        checkpointId,
        directory,
        handedOver: new Set(),
        scopes: new Set(),
        waiting: [],
        objects: 0,
        cancelTimer: null,
      };
      job.uploads.set(checkpointId, upload);
    }
    return upload;
  }

  #consider(jobId: string, upload: Upload): void {
    if (upload.waiting.length === 0) return;
    const attempts = this.#options.attemptsOf(jobId);
    if (attempts.every((attemptId) => upload.handedOver.has(attemptId))) {
      this.#close(upload);
    } else if (!mayCloseEarly(upload)) {
      upload.cancelTimer?.();
      this.#closeAfter(upload, LAST_QUIET_MS);
    } else if (upload.cancelTimer === null) {
      this.#closeAfter(upload, GATHER_MS);
    }
  }

  #closeAfter(upload: Upload, delayMs: number): void {
    upload.cancelTimer = this.#options.clock.setTimer(delayMs, () => this.#close(upload));
  }

  /** Writes what waits, each scope into an object of its own. */
  #close(upload: Upload): void {
    upload.cancelTimer?.();
    upload.cancelTimer = null;
    const pieces = upload.waiting;
    upload.waiting = [];
    for (const scope of SCOPES) {
      const ofScope = pieces.filter((piece) => piece.scope === scope);
      if (ofScope.length === 0) continue;
      const uri = this.#objectUri(upload, scope);
      upload.objects += 1;
      void this.#write(uri, ofScope);
    }
  }

  async #write(uri: string, pieces: readonly WaitingPiece[]): Promise<void> {
    try {
      const packed: readonly PackedPiece[] = await packObject(uri, pieces);
      await writeObject(this.#options.fileSystems.forUri(uri), uri, packed);
      for (const [index, piece] of pieces.entries()) {
        const handle = packed[index]?.handle ?? null;
        if (handle !== null) piece.done({ handle, error: null });
      }
      const [first] = pieces;
      if (first === undefined) return;
      const { jobId, checkpointId } = first;
      const bytes = packed.map((piece) => piece.bytes);
      this.#options.localState?.keep({ jobId, checkpointId, uri }, bytes);
    } catch (error) {
      for (const piece of pieces) piece.done(failed(error));
    }
  }

  #objectUri(upload: Upload, scope: StateScope): string {
    const { checkpointId, directory, objects } = upload;
    const name = `${this.#options.taskManagerId.replace(/[^A-Za-z0-9_.-]/g, '_')}-${objects + 1}`;
    if (scope === 'shared') return joinUri(sharedStateFolder(directory), `${checkpointId}-${name}`);
    return joinUri(checkpointFolder(directory, checkpointId), name);
  }
}

/** Whether what follows still has an object for each scope that was seen. */
function mayCloseEarly({ objects, scopes, waiting }: Upload): boolean {
  const now = new Set(waiting.map((piece) => piece.scope)).size;
  return objects + now + scopes.size <= OBJECTS_MAX;
}

function drop(upload: Upload): void {
  upload.cancelTimer?.();
  for (const piece of upload.waiting) piece.done(failed(overError(upload.checkpointId)));
  upload.waiting = [];
}

function failed(error: unknown): StoredPiece {
  return { handle: null, error: serializeError(error) };
}

function overError(checkpointId: number): SluiceError {
  return new SluiceError('CANCELLED', `checkpoint ${checkpointId} is over`, {
    domain: 'internal',
    context: { checkpointId },
  });
}
