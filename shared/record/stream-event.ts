/** Control events travel in band, between records, and never overtake them (but unaligned barriers). */
export type StreamEvent = Watermark | Barrier | StreamStatus | EndOfInput;

/** No record with an earlier event time follows. */
export interface Watermark {
  readonly kind: 'watermark';
  readonly timestampMs: number;
}

/** Splits the stream into what belongs to checkpoint `checkpointId` and what comes after. */
export interface Barrier {
  readonly kind: 'barrier';
  readonly checkpointId: number;
  readonly triggeredAtMs: number;
  readonly alignment: 'aligned' | 'unaligned' | 'at-least-once';
  readonly purpose: CheckpointPurpose;
}

export const CHECKPOINT_PURPOSES = [
  /** To recover from. */
  'checkpoint',
  /** Kept until somebody deletes it; always aligned. */
  'savepoint',
  /**
   * The last one of a job whose sources have ended: operators finish before their snapshot, and when
   * it is complete the sinks commit and the tasks end.
   */
  'final',
  /** Before the job starts again on other slots: to recover from, and always aligned. */
  'rescale',
  /** A savepoint after which the tasks end without having finished (stop with savepoint). */
  'suspend',
] as const;

export type CheckpointPurpose = (typeof CHECKPOINT_PURPOSES)[number];

/** An idle channel holds no watermark back. */
export interface StreamStatus {
  readonly kind: 'status';
  readonly idle: boolean;
}

/** The last element of a channel. */
export interface EndOfInput {
  readonly kind: 'end-of-input';
}

export const END_OF_INPUT: EndOfInput = { kind: 'end-of-input' };
