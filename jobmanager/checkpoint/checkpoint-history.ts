import {
  CHECKPOINT_FAILURE_REASONS,
  type CheckpointFailureReason,
} from '../../shared/checkpoint/checkpoint-failure-reason.ts';
import type { CheckpointSettings } from '../../shared/checkpoint/checkpoint-settings.ts';
import type { SerializedError } from '../../shared/errors/sluice-error.ts';
import { LatencyHistogram } from '../../shared/observability/latency-histogram.ts';
import type { CheckpointPurpose } from '../../shared/record/stream-event.ts';
import { CHECKPOINT_HISTORY_MAX } from '../../shared/rest/rest-limits.ts';
import type { CheckpointInfo, JobCheckpointsDetail } from '../../shared/rest/rest-types.ts';
import type { CheckpointFigures } from './checkpoint-figures.ts';

interface Begun {
  readonly id: number;
  readonly purpose: CheckpointPurpose;
  readonly triggeredAtMs: number;
  bytes: number;
  alignmentsMs: readonly number[];
}

/**
 * What became of a job's checkpoints: for people, one by one, and in numbers, for the metrics. Bounded;
 * pure; times are of one wall clock.
 */
export class CheckpointHistory {
  readonly #ended: CheckpointInfo[] = [];
  readonly #failed = new Map<CheckpointFailureReason, number>();
  readonly #duration = new LatencyHistogram();
  readonly #alignment = new LatencyHistogram();
  #begun: Begun | null = null;
  #latest: CheckpointInfo | null = null;
  #completed = 0;
  /** Of all completed ones. */
  #bytes = 0;
  #sinceMs: number;

  /** `sinceMs`: when the latest checkpoint there is was completed, or now. */
  constructor(sinceMs: number) {
    this.#sinceMs = sinceMs;
    for (const reason of Object.keys(CHECKPOINT_FAILURE_REASONS)) {
      this.#failed.set(reason as CheckpointFailureReason, 0);
    }
  }

  triggered(id: number, purpose: CheckpointPurpose, nowMs: number): void {
    this.#begun = { id, purpose, triggeredAtMs: nowMs, bytes: 0, alignmentsMs: [] };
  }

  /** One of each subtask. */
  aligned(id: number, alignmentsMs: readonly number[]): void {
    if (this.#begun?.id === id) this.#begun.alignmentsMs = alignmentsMs;
  }

  stored(id: number, bytes: number): void {
    if (this.#begun?.id === id) this.#begun.bytes += bytes;
  }

  completed(id: number, path: string, nowMs: number): void {
    const alignmentsMs = this.#begun?.alignmentsMs ?? [];
    const info = this.#end(id, { status: 'COMPLETED', failure: null, path }, nowMs);
    if (info === null) return;
    this.#latest = info;
    this.#completed += 1;
    this.#bytes += info.bytes;
    this.#sinceMs = nowMs;
    this.#duration.record(info.durationMs);
    for (const alignmentMs of alignmentsMs) this.#alignment.record(alignmentMs);
  }

  failed(
    id: number,
    cause: { readonly reason: CheckpointFailureReason; readonly error: SerializedError | null },
    nowMs: number,
  ): void {
    const { reason, error } = cause;
    const message = error?.message ?? CHECKPOINT_FAILURE_REASONS[reason];
    const failure = { reason, message };
    if (this.#end(id, { status: 'FAILED', failure, path: null }, nowMs) === null) return;
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
      lastBytes: this.#latest?.bytes ?? 0,
      ageMs: Math.max(0, nowMs - this.#sinceMs),
    };
  }

  detail(settings: CheckpointSettings, nowMs: number): JobCheckpointsDetail {
    const begun = this.#begun;
    return {
      settings,
      counts: {
        completed: this.#completed,
        failed: [...this.#failed.values()].reduce((sum, count) => sum + count, 0),
        inProgress: begun === null ? 0 : 1,
      },
      latest: this.#latest,
      inProgress:
        begun === null
          ? null
          : infoOf(begun, { status: 'IN_PROGRESS', failure: null, path: null }, nowMs),
      history: this.#ended,
    };
  }

  #end(
    id: number,
    end: Pick<CheckpointInfo, 'status' | 'failure' | 'path'>,
    nowMs: number,
  ): CheckpointInfo | null {
    const begun = this.#begun;
    if (begun?.id !== id) return null;
    this.#begun = null;
    const info = infoOf(begun, end, nowMs);
    this.#ended.unshift(info);
    this.#ended.length = Math.min(this.#ended.length, CHECKPOINT_HISTORY_MAX);
    return info;
  }
}

function infoOf(
  { id, purpose, triggeredAtMs, bytes }: Begun,
  end: Pick<CheckpointInfo, 'status' | 'failure' | 'path'>,
  nowMs: number,
): CheckpointInfo {
  const triggeredAt = new Date(triggeredAtMs).toISOString();
  return { id, purpose, triggeredAt, durationMs: nowMs - triggeredAtMs, bytes, ...end };
}
