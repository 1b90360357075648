import {
  CHECKPOINT_FAILURE_REASONS,
  type CheckpointFailureReason,
} from '../../shared/checkpoint/checkpoint-failure-reason.ts';
import { LatencyHistogram } from '../../shared/observability/latency-histogram.ts';

/** A job's checkpoints in numbers, since this job manager leads the job. */
export interface CheckpointFigures {
  readonly inProgress: number;
  readonly completed: number;
  readonly failed: ReadonlyMap<CheckpointFailureReason, number>;
  /** Of the completed ones, from the trigger to the registration. */
  readonly duration: LatencyHistogram;
  /** Of every subtask's part in a completed one. */
  readonly alignment: LatencyHistogram;
  /** What the completed ones stored themselves. */
  readonly bytes: number;
  readonly lastBytes: number;
  /** Since the last completed one; since there is something to take where there is none. */
  readonly ageMs: number;
}

interface Begun {
  readonly id: number;
  readonly triggeredAtMs: number;
  bytes: number;
  alignmentsMs: readonly number[];
}

/** Counts checkpoints as they begin and end. Pure; times are of one wall clock. */
export class CheckpointCounter {
  readonly #failed = new Map<CheckpointFailureReason, number>();
  readonly #duration = new LatencyHistogram();
  readonly #alignment = new LatencyHistogram();
  #completed = 0;
  #bytes = 0;
  #lastBytes = 0;
  #sinceMs: number;
  #begun: Begun | null = null;

  /** `sinceMs`: when the latest checkpoint there is was completed, or now. */
  constructor(sinceMs: number) {
    this.#sinceMs = sinceMs;
    for (const reason of Object.keys(CHECKPOINT_FAILURE_REASONS)) {
      this.#failed.set(reason as CheckpointFailureReason, 0);
    }
  }

  triggered(id: number, nowMs: number): void {
    this.#begun = { id, triggeredAtMs: nowMs, bytes: 0, alignmentsMs: [] };
  }

  acknowledged(id: number, alignmentsMs: readonly number[]): void {
    if (this.#begun?.id === id) this.#begun.alignmentsMs = alignmentsMs;
  }

  stored(id: number, bytes: number): void {
    if (this.#begun?.id === id) this.#begun.bytes += bytes;
  }

  completed(id: number, nowMs: number): void {
    const begun = this.#end(id);
    if (begun === null) return;
    this.#completed += 1;
    this.#bytes += begun.bytes;
    this.#lastBytes = begun.bytes;
    this.#sinceMs = nowMs;
    this.#duration.record(nowMs - begun.triggeredAtMs);
    for (const alignmentMs of begun.alignmentsMs) this.#alignment.record(alignmentMs);
  }

  failed(id: number, reason: CheckpointFailureReason): void {
    if (this.#end(id) === null) return;
    this.#failed.set(reason, (this.#failed.get(reason) ?? 0) + 1);
  }

  figures(nowMs: number): CheckpointFigures {
    return {
      inProgress: this.#begun === null ? 0 : 1,
      completed: this.#completed,
      failed: this.#failed,
      duration: this.#duration,
      alignment: this.#alignment,
      bytes: this.#bytes,
      lastBytes: this.#lastBytes,
      ageMs: Math.max(0, nowMs - this.#sinceMs),
    };
  }

  #end(id: number): Begun | null {
    const begun = this.#begun;
    if (begun?.id !== id) return null;
    this.#begun = null;
    return begun;
  }
}
