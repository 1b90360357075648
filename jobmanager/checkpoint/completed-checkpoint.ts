import type { CheckpointMetadata } from '../../shared/checkpoint/checkpoint-metadata.ts';
import type { CheckpointPurpose } from '../../shared/record/stream-event.ts';

/** A checkpoint as the job's record names it. Plain JSON. */
export interface RegisteredCheckpoint {
  readonly checkpointId: number;
  readonly purpose: CheckpointPurpose;
  /** Of the folder that holds its `_metadata`. */
  readonly uri: string;
  readonly completedAtMs: number;
}

/** One that can be restored, with its metadata at hand. */
export interface CompletedCheckpoint extends RegisteredCheckpoint {
  readonly metadata: CheckpointMetadata;
}

/**
 * Where it is decided which checkpoint a job goes on from after its job manager is gone.
 *
 * `register` resolves once the record durably names `retained` (oldest first, the new checkpoint among
 * them) and nothing else. Called again with the same arguments it does no harm. It rejects
 *
 * - with `retry: 'backoff'` where the outcome is not known: it is called again until it is;
 * - with PRECONDITION_FAILED or LEADERSHIP_LOST where another job manager leads by now;
 * - otherwise where the record surely does not name it, and never will.
 */
export interface CheckpointRegistry {
  register(
    checkpoint: RegisteredCheckpoint,
    retained: readonly RegisteredCheckpoint[],
  ): Promise<void>;
}

/**
 * Between the last id that a job's record knows of and the first one of a job manager that takes the
 * job over: its predecessor may have used some without registering them, and may go on to use some
 * until it notices. Two checkpoints of one id would overwrite, and clean up, each other's files.
 */
const TAKEOVER_ID_GAP = 100_000;

/** `nextCheckpointId`: greater than every id that was ever registered. */
export function firstCheckpointIdAfterTakeover(nextCheckpointId: number): number {
  return nextCheckpointId + TAKEOVER_ID_GAP;
}

/** Of a job manager without a successor. */
export class InMemoryCheckpointRegistry implements CheckpointRegistry {
  retained: readonly RegisteredCheckpoint[] = [];

  async register(
    _checkpoint: RegisteredCheckpoint,
    retained: readonly RegisteredCheckpoint[],
  ): Promise<void> {
    this.retained = retained;
  }
}

/**
 * What is kept once `completed` is complete: the newest `retainedMax` checkpoints, and savepoints as
 * long as nothing newer is there to recover from. Oldest first.
 */
export function retainedAfter(
  retained: readonly CompletedCheckpoint[],
  completed: CompletedCheckpoint,
  retainedMax: number,
): CompletedCheckpoint[] {
  if (isSavepoint(completed)) return [...retained, completed];
  const checkpoints = [...retained.filter((checkpoint) => !isSavepoint(checkpoint)), completed];
  return checkpoints.slice(-Math.max(1, retainedMax));
}

/** As the record names it. */
export function registered(checkpoint: CompletedCheckpoint): RegisteredCheckpoint {
  const { checkpointId, purpose, uri, completedAtMs } = checkpoint;
  return { checkpointId, purpose, uri, completedAtMs };
}

export function isSavepoint({ purpose }: RegisteredCheckpoint): boolean {
  return purpose === 'savepoint' || purpose === 'suspend';
}
