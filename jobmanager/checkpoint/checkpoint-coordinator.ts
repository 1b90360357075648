import type { CheckpointFailureReason } from '../../shared/checkpoint/checkpoint-failure-reason.ts';
import type { CheckpointSettings } from '../../shared/checkpoint/checkpoint-settings.ts';
import { invariant } from '../../shared/errors/invariant.ts';
import type { SerializedError } from '../../shared/errors/sluice-error.ts';
import type { CheckpointPurpose } from '../../shared/record/stream-event.ts';
import type {
  Acknowledgement,
  CheckpointAttempt,
  CoordinatorEffect,
  CoordinatorEvent,
  SavepointRequest,
} from './coordinator-events.ts';

export interface CheckpointCoordinatorOptions {
  readonly settings: CheckpointSettings;
  /** Greater than every id that this job has ever used. */
  readonly firstCheckpointId: number;
}

/** Savepoints that wait for their turn; more are refused. */
export const SAVEPOINTS_QUEUED_MAX = 16;
/** Aborted checkpoints whose late acknowledgements are still recognised. */
const ABORTED_REMEMBERED_MAX = 64;
/** A final checkpoint that failed is tried again after so long at least. */
export const FINAL_RETRY_PAUSE_MS = 200;

/** The one checkpoint that is under way. */
interface InFlight {
  readonly checkpointId: number;
  readonly purpose: CheckpointPurpose;
  readonly requestId: number | null;
  readonly expiresAtMs: number;
  /** Those that had not acknowledged yet, by attempt id; empty while it is stored. */
  readonly waiting: Map<string, CheckpointAttempt>;
  readonly acknowledgements: Acknowledgement[];
}

/**
 * Decides about the checkpoints of one job (Flink's CheckpointCoordinator), as a pure state machine:
 * `step(event, nowMs) → effects`; no I/O, no clock.
 *
 * ```text
 *        deployed            due, asked for, drained           all acknowledged
 * ───► halted ───► idle ───────────────► acknowledging ───────────────► storing
 *        ▲ running  ▲ ▲                        │                          │   │
 *        │          │ │   expired, declined,   │                          │   │ registered
 *        │          │ └── aborted ◄────────────┴──────── not stored ──────┘   ▼
 *        │          └───────────────────────────────────────────────────── completed
 *        │                                                                   │ final, suspend
 *        └─ interrupted, too many failures, rescale   over ◄─────────────────┘
 * ```
 *
 * What it guarantees:
 *
 * - at most one checkpoint is under way, ids only grow, and none is used twice;
 * - a checkpoint completes only if every attempt that ran at its trigger acknowledged it, and only
 *   once it is registered; whatever comes late, twice or from others changes nothing;
 * - between `store` and its answer nothing aborts it: the outcome is the store's alone. Who restarts
 *   tasks meanwhile waits for it, or there would be two continuations of one checkpoint;
 * - once all sources have drained, `final` checkpoints are tried until one completes.
 */
export class CheckpointCoordinator {
  readonly #settings: CheckpointSettings;
  #attempts: readonly CheckpointAttempt[] = [];
  #running = false;
  /** A final or suspending checkpoint completed: the tasks end. */
  #over = false;
  /** The job ends, or is somebody else's. For ever. */
  #closed = false;
  readonly #drained = new Set<string>();
  #nextId: number;
  #inFlight: InFlight | null = null;
  readonly #aborted: number[] = [];
  /** By the interval; null until the tasks run for the first time. */
  #dueAtMs: number | null = null;
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #finalNotBeforeMs = Number.NEGATIVE_INFINITY;
  #failuresInARow = 0;
  #queued: { readonly request: SavepointRequest; readonly expiresAtMs: number }[] = [];
  #wakeAtMs: number | null = null;
  #effects: CoordinatorEffect[] = [];

  constructor(options: CheckpointCoordinatorOptions) {
    this.#settings = options.settings;
    this.#nextId = options.firstCheckpointId;
  }

  /** Between `store` and its answer. */
  get storing(): boolean {
    return this.#inFlight !== null && this.#inFlight.waiting.size === 0;
  }

  /** All sources have emitted all they ever will: what is left to do is to end. */
  get drained(): boolean {
    return this.#allDrained();
  }

  /** `nowMs` is monotonic. */
  step(event: CoordinatorEvent, nowMs: number): CoordinatorEffect[] {
    this.#effects = [];
    if (event.kind === 'timer') this.#wakeAtMs = null;
    this.#handle(event, nowMs);
    this.#expire(nowMs);
    this.#triggerIfDue(nowMs);
    this.#setWake();
    return this.#effects;
  }

  #handle(event: CoordinatorEvent, nowMs: number): void {
    switch (event.kind) {
      case 'deployed':
        this.#onDeployed(event, nowMs);
        return;
      case 'running':
        this.#running = true;
        this.#dueAtMs ??= nowMs + this.#settings.intervalMs;
        return;
      case 'interrupted':
        this.#running = false;
        this.#abortUnlessStoring('TASK_FAILED', nowMs);
        // Whoever wanted the job on other slots looks again when it runs.
        this.#refuseQueued('INTERRUPTED', ({ purpose }) => purpose === 'rescale');
        return;
      case 'savepoint-requested':
        this.#onSavepointRequested(event.request, nowMs);
        return;
      case 'acknowledged':
        this.#onAcknowledged(event);
        return;
      case 'declined':
        this.#onDeclined(event, nowMs);
        return;
      case 'snapshot-failed':
        if (this.#inFlight?.checkpointId !== event.checkpointId || this.storing) return;
        this.#fail('TASK_DECLINED', event.error, nowMs);
        return;
      case 'drained':
        if (this.#attempts.some(({ attemptId }) => attemptId === event.attemptId)) {
          this.#drained.add(event.attemptId);
        }
        return;
      case 'stored':
        if (this.#isStored(event.checkpointId)) this.#complete(nowMs);
        return;
      case 'not-stored':
        if (!this.#isStored(event.checkpointId)) return;
        if (event.reason === 'LEADERSHIP_LOST') this.#closed = true;
        this.#fail(event.reason, event.error, nowMs);
        if (this.#closed) this.#refuseQueued('JOB_ENDING', () => true);
        return;
      case 'timer':
        return;
      case 'job-ending':
        this.#closed = true;
        this.#abortUnlessStoring('JOB_ENDING', nowMs);
        this.#refuseQueued('JOB_ENDING', () => true);
        return;
      default:
        event satisfies never;
    }
  }

  #onDeployed(event: Extract<CoordinatorEvent, { kind: 'deployed' }>, nowMs: number): void {
    const { attempts, over } = event;
    this.#abortUnlessStoring('TASK_FAILED', nowMs);
    this.#attempts = attempts;
    this.#running = false;
    this.#over = over;
    this.#failuresInARow = 0;
    for (const attemptId of this.#drained) {
      if (!attempts.some((attempt) => attempt.attemptId === attemptId)) {
        this.#drained.delete(attemptId);
      }
    }
  }

  #onSavepointRequested(request: SavepointRequest, nowMs: number): void {
    const { requestId } = request;
    const isPointless = request.purpose === 'rescale' && this.#allDrained();
    if (this.#closed || this.#over || isPointless) {
      this.#effects.push({ kind: 'savepoint-refused', requestId, reason: 'JOB_ENDING' });
    } else if (this.#queued.length >= SAVEPOINTS_QUEUED_MAX) {
      this.#effects.push({ kind: 'savepoint-refused', requestId, reason: 'QUEUE_FULL' });
    } else {
      this.#queued.push({ request, expiresAtMs: nowMs + this.#settings.timeoutMs });
    }
  }

  // Answers of the tasks

  #onAcknowledged(event: Extract<CoordinatorEvent, { kind: 'acknowledged' }>): void {
    const { attemptId, checkpointId, snapshot, timings } = event;
    const inFlight = this.#inFlight;
    if (inFlight?.checkpointId !== checkpointId) {
      if (this.#aborted.includes(checkpointId)) {
        this.#effects.push({ kind: 'discard', checkpointId, snapshot });
      }
      return;
    }
    const attempt = inFlight.waiting.get(attemptId);
    if (attempt === undefined) return;
    inFlight.waiting.delete(attemptId);
    inFlight.acknowledgements.push({ attempt, snapshot, timings });
    if (inFlight.waiting.size > 0) return;
    const { acknowledgements, purpose } = inFlight;
    this.#effects.push({ kind: 'store', checkpointId, purpose, acknowledgements });
  }

  #onDeclined(event: Extract<CoordinatorEvent, { kind: 'declined' }>, nowMs: number): void {
    const inFlight = this.#inFlight;
    if (inFlight?.checkpointId !== event.checkpointId) return;
    if (!inFlight.waiting.has(event.attemptId)) return;
    switch (event.reason) {
      case 'TASK_NOT_RUNNING':
        // It is about to end, or has not begun: the job learns that otherwise.
        this.#abort('TASK_DECLINED', event.error, nowMs);
        return;
      case 'SNAPSHOT_FAILED':
        this.#fail('TASK_DECLINED', event.error, nowMs);
        return;
      case 'STORAGE_FAILED':
        this.#fail('STORAGE_FAILED', event.error, nowMs);
        return;
      default:
        event.reason satisfies never;
    }
  }

  // Ends of a checkpoint

  #isStored(checkpointId: number): boolean {
    return this.storing && this.#inFlight?.checkpointId === checkpointId;
  }

  #complete(nowMs: number): void {
    const inFlight = this.#takeInFlight(nowMs);
    const { checkpointId, purpose } = inFlight;
    this.#failuresInARow = 0;
    if (purpose === 'final' || purpose === 'suspend') this.#over = true;
    // The job is about to start again from it: what was triggered now would be aborted.
    if (purpose === 'rescale') this.#running = false;
    // A savepoint is the user's, who may delete it: recovery should not rest on it for long.
    if (purpose === 'savepoint') this.#dueAtMs = nowMs;
    this.#effects.push({
      kind: 'completed',
      checkpointId,
      purpose,
      attemptIds: this.#attempts.map(({ attemptId }) => attemptId),
    });
    if (this.#over) this.#refuseQueued('JOB_ENDING', () => true);
  }

  /** As `#abort`, and counted: after too many in a row the job is to start again. */
  #fail(reason: CheckpointFailureReason, error: SerializedError | null, nowMs: number): void {
    this.#abort(reason, error, nowMs);
    if (this.#closed) return;
    this.#failuresInARow += 1;
    if (this.#failuresInARow <= this.#settings.tolerableFailures) return;
    const failures = this.#failuresInARow;
    this.#failuresInARow = 0;
    this.#running = false;
    this.#effects.push({ kind: 'too-many-failures', failures, reason, error });
  }

  #abort(reason: CheckpointFailureReason, error: SerializedError | null, nowMs: number): void {
    const { checkpointId, acknowledgements, requestId, purpose } = this.#takeInFlight(nowMs);
    if (purpose === 'final') this.#finalNotBeforeMs = nowMs + FINAL_RETRY_PAUSE_MS;
    this.#aborted.push(checkpointId);
    if (this.#aborted.length > ABORTED_REMEMBERED_MAX) this.#aborted.shift();
    this.#effects.push({
      kind: 'aborted',
      checkpointId,
      reason,
      error,
      attemptIds: this.#attempts.map(({ attemptId }) => attemptId),
      acknowledgements,
      requestId,
    });
  }

  #abortUnlessStoring(reason: CheckpointFailureReason, nowMs: number): void {
    if (this.#inFlight !== null && !this.storing) this.#abort(reason, null, nowMs);
  }

  #takeInFlight(nowMs: number): InFlight {
    const inFlight = this.#inFlight;
    invariant(inFlight !== null, 'a checkpoint that ends was under way');
    this.#inFlight = null;
    this.#notBeforeMs = nowMs + this.#settings.minPauseMs;
    return inFlight;
  }

  #refuseQueued(
    reason: 'EXPIRED' | 'INTERRUPTED' | 'JOB_ENDING',
    isRefused: (request: SavepointRequest) => boolean,
  ): void {
    const refused = this.#queued.filter(({ request }) => isRefused(request));
    if (refused.length === 0) return;
    this.#queued = this.#queued.filter((queued) => !refused.includes(queued));
    for (const { request } of refused) {
      this.#effects.push({ kind: 'savepoint-refused', requestId: request.requestId, reason });
    }
  }

  // Time

  #expire(nowMs: number): void {
    const inFlight = this.#inFlight;
    if (inFlight !== null && !this.storing && inFlight.expiresAtMs <= nowMs) {
      this.#fail('EXPIRED', null, nowMs);
    }
    const expired = this.#queued.filter(({ expiresAtMs }) => expiresAtMs <= nowMs);
    if (expired.length === 0) return;
    this.#queued = this.#queued.filter(({ expiresAtMs }) => expiresAtMs > nowMs);
    for (const { request } of expired) {
      const { requestId } = request;
      this.#effects.push({ kind: 'savepoint-refused', requestId, reason: 'EXPIRED' });
    }
  }

  #triggerIfDue(nowMs: number): void {
    const next = this.#next(nowMs);
    if (next === null || next.atMs > nowMs) return;
    if (next.requestId !== null) this.#queued.shift();
    const checkpointId = this.#nextId;
    this.#nextId += 1;
    const { purpose, requestId } = next;
    this.#inFlight = {
      checkpointId,
      purpose,
      requestId,
      expiresAtMs: nowMs + this.#settings.timeoutMs,
      waiting: new Map(this.#attempts.map((attempt) => [attempt.attemptId, attempt])),
      acknowledgements: [],
    };
    if (purpose === 'checkpoint' || purpose === 'rescale') {
      this.#dueAtMs = nowMs + this.#settings.intervalMs;
    }
    const loose = purpose === 'checkpoint' && this.#settings.mode === 'at-least-once';
    const sources = this.#attempts.filter(({ isSource }) => isSource);
    this.#effects.push({
      kind: 'trigger',
      checkpointId,
      purpose,
      alignment: loose ? 'at-least-once' : 'aligned',
      sourceAttemptIds: sources.map(({ attemptId }) => attemptId),
      requestId,
    });
  }

  /** What is to be triggered next, and when, as things stand. */
  #next(nowMs: number): {
    readonly purpose: CheckpointPurpose;
    readonly requestId: number | null;
    readonly atMs: number;
  } | null {
    const ready = this.#running && !this.#over && !this.#closed && this.#attempts.length > 0;
    if (!ready || this.#inFlight !== null) return null;
    const [asked] = this.#queued;
    if (asked !== undefined) return { ...asked.request, atMs: nowMs };
    if (this.#allDrained()) {
      return { purpose: 'final', requestId: null, atMs: this.#finalNotBeforeMs };
    }
    const dueAtMs = this.#dueAtMs ?? nowMs;
    return {
      purpose: 'checkpoint',
      requestId: null,
      atMs: Math.max(dueAtMs, this.#notBeforeMs),
    };
  }

  #allDrained(): boolean {
    const sources = this.#attempts.filter(({ isSource }) => isSource);
    return sources.length > 0 && sources.every(({ attemptId }) => this.#drained.has(attemptId));
  }

  #setWake(): void {
    const times = this.#queued.map(({ expiresAtMs }) => expiresAtMs);
    if (this.#inFlight !== null && !this.storing) times.push(this.#inFlight.expiresAtMs);
    const next = this.#next(Number.POSITIVE_INFINITY);
    if (next !== null) times.push(next.atMs);
    const atMs = times.length === 0 ? null : Math.min(...times);
    if (atMs === this.#wakeAtMs) return;
    this.#wakeAtMs = atMs;
    this.#effects.push({ kind: 'wake', atMs });
  }
}
