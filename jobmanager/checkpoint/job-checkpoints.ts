import { CHECKPOINT_FAILURE_REASONS } from '../../shared/checkpoint/checkpoint-failure-reason.ts';
import type { CheckpointSettings } from '../../shared/checkpoint/checkpoint-settings.ts';
import type { TaskRestore } from '../../shared/checkpoint/snapshot.ts';
import { InvariantError, invariant } from '../../shared/errors/invariant.ts';
import {
  type SerializedError,
  SluiceError,
  serializeError,
} from '../../shared/errors/sluice-error.ts';
import type { JobGraph, JobVertex } from '../../shared/job-graph/job-graph.ts';
import type { Logger } from '../../shared/observability/logger.ts';
import type { Barrier, CheckpointPurpose } from '../../shared/record/stream-event.ts';
import type { JobCheckpointsDetail } from '../../shared/rest/rest-types.ts';
import type { JobManagerMessage } from '../../shared/rpc/messages.ts';
import { type CancelTimer, type Clock, sleep } from '../../shared/time/clock.ts';
import type { SavepointRequest } from '../job-master/checkpoint-port.ts';
import { taskRestore } from './assign-state.ts';
import { CheckpointCleaner } from './checkpoint-cleaner.ts';
import { CheckpointCoordinator } from './checkpoint-coordinator.ts';
import {
  checkpointFailed,
  DeposedError,
  isDeposed,
  savepointRefused,
  tooManyFailures,
} from './checkpoint-errors.ts';
import type { CheckpointFigures } from './checkpoint-figures.ts';
import { CheckpointHistory } from './checkpoint-history.ts';
import type { CheckpointStorage } from './checkpoint-storage.ts';
import {
  type CheckpointRegistry,
  type CompletedCheckpoint,
  registered,
  retainedAfter,
} from './completed-checkpoint.ts';
import type {
  CheckpointAttempt,
  CoordinatorEffect,
  CoordinatorEvent,
  TaskCheckpointMessage,
} from './coordinator-events.ts';
import {
  type EnumeratorSnapshot,
  EnumeratorStates,
  encodeEnumerator,
} from './enumerator-states.ts';
import { storeCheckpoint } from './store-checkpoint.ts';

/** A source as checkpoints see it. */
export interface CheckpointedSource {
  readonly operatorId: string;
  /** Plain data (`encodeValue`), as of now; what is in a field `shared` never changes. */
  snapshotState(checkpointId: number): unknown;
  checkpointComplete(checkpointId: number): void;
  checkpointAborted(checkpointId: number): void;
}

export interface JobCheckpointsOptions {
  readonly jobId: string;
  readonly jobGraph: JobGraph;
  readonly settings: CheckpointSettings;
  readonly storage: CheckpointStorage;
  readonly registry: CheckpointRegistry;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sources: () => readonly CheckpointedSource[];
  readonly sendToAttempt: (attemptId: string, message: JobManagerMessage) => void;
  /** The job is to start again from the latest checkpoint; nothing is triggered until `running`. */
  readonly onTooManyFailures: (error: SerializedError) => void;
  /** The tasks commit and end now. */
  readonly onFinalComplete: (purpose: 'final' | 'suspend') => void;
  /** What an earlier job manager registered, or the savepoint to start from; oldest first. */
  readonly retained?: readonly CompletedCheckpoint[];
  /**
   * Greater than every id that any job manager has used, or may still use, for this job. Default: the
   * one after the latest retained.
   */
  readonly firstCheckpointId?: number;
}

/** A registration whose outcome is not known is asked for again after so long. */
const REGISTER_RETRY_MS = 500;

interface Triggered {
  readonly checkpointId: number;
  readonly triggeredAtMs: number;
  readonly enumeratorStates: ReadonlyMap<string, EnumeratorSnapshot>;
  readonly requestId: number | null;
  readonly savepointFolder: string | null;
}

interface PendingSavepoint {
  /** Null: it is one of the job's own checkpoints. */
  readonly directory: string | null;
  readonly resolve: (uri: string) => void;
  readonly reject: (error: SluiceError) => void;
}

/**
 * The checkpoints of one job: the shell around the CheckpointCoordinator, which decides. Carries out
 * its effects (enumerators' snapshots, messages, storage, the timer) and feeds it what comes back.
 * Events that arise meanwhile wait in a queue, so that it is never entered twice. Single-threaded.
 */
export class JobCheckpoints {
  readonly #options: JobCheckpointsOptions;
  readonly #coordinator: CheckpointCoordinator;
  readonly #cleaner: CheckpointCleaner;
  readonly #enumerators: EnumeratorStates;
  readonly #history: CheckpointHistory;
  readonly #events: CoordinatorEvent[] = [];
  #stepping = false;
  #retained: readonly CompletedCheckpoint[];
  #triggered: Triggered | null = null;
  readonly #savepoints = new Map<number, PendingSavepoint>();
  #nextRequestId = 1;
  #waitingForStore: (() => void)[] = [];
  #cancelTimer: CancelTimer | null = null;
  #closed = false;

  constructor(options: JobCheckpointsOptions) {
    this.#options = options;
    this.#retained = options.retained ?? [];
    const firstCheckpointId = options.firstCheckpointId ?? (this.latest?.checkpointId ?? 0) + 1;
    const { jobId, storage, logger, settings, clock } = options;
    this.#history = new CheckpointHistory(this.latest?.completedAtMs ?? clock.nowMs());
    this.#coordinator = new CheckpointCoordinator({ settings, firstCheckpointId });
    this.#enumerators = new EnumeratorStates(jobId, storage);
    this.#cleaner = new CheckpointCleaner({
      jobId,
      storage,
      logger,
      retained: () => this.#retained,
    });
    if (firstCheckpointId > 1) void this.#cleaner.sweep(firstCheckpointId);
  }

  /** What a restart begins from. */
  get latest(): CompletedCheckpoint | null {
    return this.#retained.at(-1) ?? null;
  }

  /** All sources have emitted all they ever will. */
  get drained(): boolean {
    return this.#coordinator.drained;
  }

  /** The complete current set; finished attempts are left out. Nothing is triggered yet. */
  deployed(attempts: readonly CheckpointAttempt[]): void {
    this.#dispatch({ kind: 'deployed', attempts, over: false });
  }

  /**
   * As `deployed`, for attempts that an earlier job manager deployed and that run on: whether they have
   * heard of the latest checkpoint's end nobody knows, so they hear of it again. Sources that have
   * drained must say so again.
   */
  adopted(attempts: readonly CheckpointAttempt[]): void {
    const { latest } = this;
    const last = latest === null ? null : lastPurpose(latest.purpose);
    this.#dispatch({ kind: 'deployed', attempts, over: last !== null });
    if (latest === null) return;
    this.#tellComplete(
      latest.checkpointId,
      attempts.map(({ attemptId }) => attemptId),
    );
    if (last !== null) this.#options.onFinalComplete(last);
  }

  /** All current attempts are RUNNING. */
  running(): void {
    this.#dispatch({ kind: 'running' });
  }

  /** An attempt ended unfinished: what is under way is aborted, nothing triggered until `running`. */
  interrupted(): void {
    this.#dispatch({ kind: 'interrupted' });
  }

  handle(message: TaskCheckpointMessage): void {
    switch (message.kind) {
      case 'acknowledge-checkpoint':
        this.#dispatch({ ...message, kind: 'acknowledged' });
        return;
      case 'decline-checkpoint':
        this.#dispatch({ ...message, kind: 'declined' });
        return;
      case 'source-drained':
        this.#dispatch({ ...message, kind: 'drained' });
        return;
      default:
        message satisfies never;
    }
  }

  /**
   * Resolves once no checkpoint is between its last acknowledgement and its registration. A restart
   * waits for it between `interrupted` and `restoreFor`: tasks that started from an older checkpoint
   * would otherwise continue beside the one that completes meanwhile.
   */
  settled(): Promise<void> {
    if (!this.#coordinator.storing) return Promise.resolve();
    return new Promise((resolve) => this.#waitingForStore.push(resolve));
  }

  /** From the latest completed checkpoint; null: from nothing. Throws CHECKPOINT_MISMATCH. */
  restoreFor(vertex: JobVertex, subtask: number, parallelism: number): TaskRestore | null {
    invariant(!this.#coordinator.storing, 'a restart waits until checkpoints are settled');
    const { latest } = this;
    return latest === null ? null : taskRestore(latest.metadata, { vertex, subtask, parallelism });
  }

  /** The enumerator's state in the latest completed checkpoint; null where it begins anew. */
  async enumeratorState(operatorId: string): Promise<{ readonly state: unknown } | null> {
    return this.latest === null ? null : this.#enumerators.load(this.latest.metadata, operatorId);
  }

  /**
   * Resolves with the URI of its folder. `directory`: a URI; null: `savepoints` of the storage. With
   * the purpose `rescale` it is one of the job's own checkpoints.
   */
  savepoint(request: SavepointRequest): Promise<string> {
    return new Promise((resolve, reject) => {
      const { storage } = this.#options;
      const isOwn = request.purpose === 'rescale';
      const directory = isOwn ? null : (request.directory ?? storage.paths.savepoints());
      if (directory !== null) storage.checkLocation(directory);
      const requestId = this.#nextRequestId;
      this.#nextRequestId += 1;
      this.#savepoints.set(requestId, { directory, resolve, reject });
      this.#dispatch({
        kind: 'savepoint-requested',
        request: { requestId, purpose: request.purpose },
      });
    });
  }

  /** For people: GET /v1/jobs/:id/checkpoints. */
  detail(): JobCheckpointsDetail {
    return this.#history.detail(this.#options.settings, this.#options.clock.nowMs());
  }

  /** For the metrics. */
  measurement(): { readonly settings: CheckpointSettings; readonly figures: CheckpointFigures } {
    const { settings, clock } = this.#options;
    return { settings, figures: this.#history.figures(clock.nowMs()) };
  }

  /** The job ended, or is left to another job manager. Nothing is removed any more. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cleaner.close();
    this.#dispatch({ kind: 'job-ending' });
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }

  #dispatch(event: CoordinatorEvent): void {
    this.#events.push(event);
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
        const effects = this.#coordinator.step(next, this.#options.clock.monotonicMs());
        for (const effect of effects) this.#carryOut(effect);
      }
    } finally {
      this.#stepping = false;
    }
    if (this.#coordinator.storing) return;
    for (const resolve of this.#waitingForStore.splice(0)) resolve();
  }

  #carryOut(effect: CoordinatorEffect): void {
    switch (effect.kind) {
      case 'trigger':
        this.#trigger(effect);
        return;
      case 'store':
        void this.#store(effect);
        return;
      case 'completed':
        this.#onCompleted(effect);
        return;
      case 'aborted':
        this.#onAborted(effect);
        return;
      case 'discard':
        this.#cleaner.discard(effect.checkpointId, [effect.snapshot]);
        return;
      case 'savepoint-refused':
        this.#endSavepoint(effect.requestId)?.reject(savepointRefused(effect.reason));
        return;
      case 'too-many-failures':
        this.#options.onTooManyFailures(serializeError(tooManyFailures(effect)));
        return;
      case 'wake':
        this.#wake(effect.atMs);
        return;
      default:
        effect satisfies never;
    }
  }

  #wake(atMs: number | null): void {
    const { clock } = this.#options;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    if (atMs === null || this.#closed) return;
    const delayMs = Math.max(0, atMs - clock.monotonicMs());
    this.#cancelTimer = clock.setTimer(delayMs, () => this.#dispatch({ kind: 'timer' }));
  }

  #trigger(effect: Extract<CoordinatorEffect, { kind: 'trigger' }>): void {
    const { clock, sources, sendToAttempt, storage, jobId } = this.#options;
    const { checkpointId, purpose, alignment, requestId } = effect;
    const triggeredAtMs = clock.nowMs();
    this.#history.triggered(checkpointId, purpose, triggeredAtMs);
    const enumeratorStates = new Map<string, EnumeratorSnapshot>();
    const savepoint = requestId === null ? undefined : this.#savepoints.get(requestId);
    const directory = savepoint?.directory ?? null;
    const savepointFolder =
      directory === null ? null : storage.paths.savepoint(directory, jobId, checkpointId);
    this.#triggered = {
      checkpointId,
      triggeredAtMs,
      enumeratorStates,
      requestId,
      savepointFolder,
    };
    // Before the first trigger is sent, in the same turn: splits that an enumerator has assigned until
    // now reach their reader ahead of the barrier, later ones behind it.
    try {
      for (const source of sources()) {
        enumeratorStates.set(
          source.operatorId,
          encodeEnumerator(source.snapshotState(checkpointId)),
        );
      }
    } catch (error) {
      this.#dispatch({ kind: 'snapshot-failed', checkpointId, error: serializeError(error) });
      return;
    }
    const barrier: Barrier = { kind: 'barrier', checkpointId, triggeredAtMs, alignment, purpose };
    for (const attemptId of effect.sourceAttemptIds) {
      sendToAttempt(attemptId, { kind: 'trigger-checkpoint', attemptId, barrier });
    }
  }

  /** Never rejects: its outcome is an event. */
  async #store(effect: Extract<CoordinatorEffect, { kind: 'store' }>): Promise<void> {
    const { jobId, jobGraph, storage, clock, settings } = this.#options;
    const { checkpointId, purpose, acknowledgements } = effect;
    const triggered = this.#triggered;
    invariant(triggered?.checkpointId === checkpointId, 'what is stored was triggered');
    const acknowledgedBytes = acknowledgements.reduce((sum, { timings }) => sum + timings.bytes, 0);
    this.#history.stored(checkpointId, acknowledgedBytes);
    this.#history.aligned(
      checkpointId,
      acknowledgements.map(({ timings }) => timings.alignmentMs),
    );
    let event: CoordinatorEvent = { kind: 'stored', checkpointId };
    try {
      const { enumeratorBytes, ...completed } = await storeCheckpoint(storage, this.#enumerators, {
        ...triggered,
        jobId,
        jobGraph,
        // What was taken in order to rescale is there to recover from, as any other.
        purpose: purpose === 'rescale' ? 'checkpoint' : purpose,
        acknowledgements,
        latest: this.latest?.metadata ?? null,
        nowMs: () => clock.nowMs(),
      });
      this.#history.stored(checkpointId, enumeratorBytes);
      await this.#register(completed, retainedAfter(this.#retained, completed, settings.retained));
      this.#enumerators.completed();
    } catch (error) {
      if (error instanceof InvariantError) throw error;
      const reason = error instanceof DeposedError ? 'LEADERSHIP_LOST' : 'STORAGE_FAILED';
      const cause = error instanceof DeposedError ? error.cause : error;
      event = { kind: 'not-stored', checkpointId, reason, error: serializeError(cause) };
    }
    this.#dispatch(event);
  }

  /** Until the outcome is known: a checkpoint that may be registered can neither count nor not count. */
  async #register(
    completed: CompletedCheckpoint,
    retained: readonly CompletedCheckpoint[],
  ): Promise<void> {
    const { registry, clock, logger, jobId } = this.#options;
    for (;;) {
      try {
        // COMMIT POINT: once this resolves, the job goes on from this checkpoint and from no earlier one.
        await registry.register(registered(completed), retained.map(registered));
        break;
      } catch (error) {
        if (isDeposed(error)) throw new DeposedError(error);
        if (!(error instanceof SluiceError) || error.retry !== 'backoff') throw error;
        // Left to whoever reads the record next.
        if (this.#closed) throw error;
        logger.warn({ jobId, error }, 'the checkpoint could not be registered yet');
        await sleep(clock, REGISTER_RETRY_MS);
      }
    }
    const subsumed = this.#retained.filter((checkpoint) => !retained.includes(checkpoint));
    this.#retained = retained;
    this.#cleaner.subsumed(subsumed);
  }

  #onCompleted(effect: Extract<CoordinatorEffect, { kind: 'completed' }>): void {
    const { sources, clock, logger, jobId, onFinalComplete } = this.#options;
    const { checkpointId, purpose, attemptIds } = effect;
    const uri = this.latest?.uri ?? '';
    this.#history.completed(checkpointId, uri, clock.nowMs());
    logger.debug({ jobId, checkpointId, purpose }, 'checkpoint complete');
    for (const source of sources()) source.checkpointComplete(checkpointId);
    this.#tellComplete(checkpointId, attemptIds);
    // What the savepoint holds are copies.
    if (this.#triggered?.savepointFolder != null) this.#cleaner.discard(checkpointId, []);
    this.#endSavepoint(this.#triggered?.requestId ?? null)?.resolve(uri);
    const last = lastPurpose(purpose);
    if (last !== null && !this.#closed) onFinalComplete(last);
  }

  #tellComplete(checkpointId: number, attemptIds: readonly string[]): void {
    for (const attemptId of attemptIds) {
      const message = { kind: 'checkpoint-complete', attemptId, checkpointId } as const;
      this.#options.sendToAttempt(attemptId, message);
    }
  }

  #onAborted(effect: Extract<CoordinatorEffect, { kind: 'aborted' }>): void {
    const { sources, sendToAttempt, clock, logger, jobId } = this.#options;
    const { checkpointId, reason, error, attemptIds, acknowledgements, requestId } = effect;
    this.#history.failed(checkpointId, { reason, error }, clock.nowMs());
    const because = error?.message ?? CHECKPOINT_FAILURE_REASONS[reason];
    logger.info({ jobId, checkpointId, reason, because }, 'checkpoint failed');
    for (const source of sources()) source.checkpointAborted(checkpointId);
    for (const attemptId of attemptIds) {
      sendToAttempt(attemptId, { kind: 'checkpoint-aborted', attemptId, checkpointId });
    }
    // The other job manager may use what lies there.
    if (reason === 'LEADERSHIP_LOST') this.#cleaner.close();
    const snapshots = acknowledgements.map(({ snapshot }) => snapshot);
    this.#cleaner.discard(checkpointId, snapshots, this.#enumerators.failed());
    this.#endSavepoint(requestId)?.reject(checkpointFailed(reason, error));
  }

  #endSavepoint(requestId: number | null): PendingSavepoint | undefined {
    if (requestId === null) return undefined;
    const pending = this.#savepoints.get(requestId);
    this.#savepoints.delete(requestId);
    return pending;
  }
}

/** Null where the tasks go on after it. */
function lastPurpose(purpose: CheckpointPurpose): 'final' | 'suspend' | null {
  return purpose === 'final' || purpose === 'suspend' ? purpose : null;
}
