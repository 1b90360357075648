import type { SerializedError } from '../../shared/errors/sluice-error.ts';
import type { TaskDeployment } from '../../shared/job-graph/task-deployment.ts';
import type {
  JobManagerMessage,
  ReportedAttempt,
  ReportedReader,
  ReportedState,
} from '../../shared/rpc/messages.ts';

/** Splits remembered over all attempts; beyond it, an attempt says that it has more. A file's split takes about 300 B. */
const SPLITS_MAX = 20_000;
/** Ended attempts whose end is told again. */
const ENDED_MAX = 256;

interface Entry {
  readonly attemptId: string;
  readonly slotIndex: number;
  state: ReportedState;
  error: SerializedError | null;
  checkpointIdSeen: number;
  readonly reader: Reader | null;
}

interface Reader {
  drained: boolean;
  wanted: number;
  /** Null once there were too many. The last one is open: no trigger has come since. */
  epochs: { beforeCheckpoint: number | null; splits: unknown[] }[] | null;
}

/**
 * What a job manager that knows nothing must be told about the attempts of this task manager, so that
 * it can go on with them: kept up to date from the commands and reports that pass by. It is the reason
 * that nothing is lost while no job manager is there: whatever could not be said is in here.
 *
 * Splits are kept by checkpoint: those that came before a trigger are in the reader's snapshot of that
 * checkpoint, and are forgotten when it is complete. Pure bookkeeping; bounded.
 */
export class AttemptLog {
  readonly #running = new Map<string, Entry>();
  /** Oldest first; at most `ENDED_MAX`. */
  readonly #ended = new Map<string, Entry>();
  #splits = 0;

  deployed(deployment: TaskDeployment): void {
    const { attemptId, slotIndex, operators } = deployment;
    const isSource = operators[0]?.kind.startsWith('source/') === true;
    this.#running.set(attemptId, {
      attemptId,
      slotIndex,
      state: 'INITIALIZING',
      error: null,
      checkpointIdSeen: deployment.restore?.checkpointId ?? 0,
      reader: isSource
        ? { drained: false, wanted: 0, epochs: [{ beforeCheckpoint: null, splits: [] }] }
        : null,
    });
  }

  state(attemptId: string, state: ReportedState, error: SerializedError | null): void {
    const entry = this.#running.get(attemptId);
    if (entry === undefined) return;
    entry.state = state;
    entry.error = error;
    if (state === 'INITIALIZING' || state === 'RUNNING') return;
    this.#running.delete(attemptId);
    this.#forget(entry);
    this.#ended.set(attemptId, entry);
    for (const oldest of this.#ended.keys()) {
      if (this.#ended.size <= ENDED_MAX) break;
      this.#ended.delete(oldest);
    }
  }

  /** A reader asks for so many splits. */
  splitsRequested(attemptId: string, count: number): void {
    const reader = this.#running.get(attemptId)?.reader;
    if (reader != null) reader.wanted += count;
  }

  drained(attemptId: string): void {
    const reader = this.#running.get(attemptId)?.reader;
    if (reader != null) reader.drained = true;
  }

  /** What the job manager says to a task. */
  commanded(command: JobManagerMessage): void {
    switch (command.kind) {
      case 'assign-splits':
        this.#assigned(command.attemptId, command.splits);
        return;
      case 'trigger-checkpoint':
        this.#triggered(command.attemptId, command.barrier.checkpointId);
        return;
      case 'checkpoint-complete':
        this.#completed(command.attemptId, command.checkpointId);
        return;
      case 'checkpoint-aborted':
        this.#saw(command.attemptId, command.checkpointId);
        return;
      default:
    }
  }

  report(): ReportedAttempt[] {
    return [...this.#ended.values(), ...this.#running.values()].map(({ reader, ...entry }) => ({
      ...entry,
      source: reader === null ? null : reported(reader),
    }));
  }

  #assigned(attemptId: string, splits: readonly unknown[]): void {
    const reader = this.#running.get(attemptId)?.reader;
    if (reader == null) return;
    reader.wanted = Math.max(0, reader.wanted - splits.length);
    const open = reader.epochs?.at(-1);
    if (open === undefined) return;
    if (this.#splits + splits.length > SPLITS_MAX) {
      this.#splits -= count(reader);
      reader.epochs = null;
      return;
    }
    open.splits.push(...splits);
    this.#splits += splits.length;
  }

  #triggered(attemptId: string, checkpointId: number): void {
    this.#saw(attemptId, checkpointId);
    const reader = this.#running.get(attemptId)?.reader;
    const open = reader?.epochs?.at(-1);
    if (open === undefined) return;
    open.beforeCheckpoint = checkpointId;
    reader?.epochs?.push({ beforeCheckpoint: null, splits: [] });
  }

  #completed(attemptId: string, checkpointId: number): void {
    this.#saw(attemptId, checkpointId);
    const reader = this.#running.get(attemptId)?.reader;
    if (reader?.epochs == null) return;
    this.#splits -= count(reader);
    reader.epochs = reader.epochs.filter(
      ({ beforeCheckpoint }) => beforeCheckpoint === null || beforeCheckpoint > checkpointId,
    );
    this.#splits += count(reader);
  }

  #saw(attemptId: string, checkpointId: number): void {
    const entry = this.#running.get(attemptId);
    if (entry === undefined) return;
    entry.checkpointIdSeen = Math.max(entry.checkpointIdSeen, checkpointId);
  }

  #forget({ reader }: Entry): void {
    if (reader === null) return;
    this.#splits -= count(reader);
    reader.epochs = null;
  }
}

function count({ epochs }: Reader): number {
  return (epochs ?? []).reduce((sum, { splits }) => sum + splits.length, 0);
}

function reported({ drained, wanted, epochs }: Reader): ReportedReader {
  const splits =
    epochs === null
      ? null
      : epochs
          .filter((epoch) => epoch.splits.length > 0)
          .map(({ beforeCheckpoint, splits: list }) => ({ beforeCheckpoint, splits: [...list] }));
  return { drained, splitsWanted: wanted, splits };
}
