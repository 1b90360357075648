/** Why a checkpoint did not complete (Flink's CheckpointFailureReason); a closed list. */
export const CHECKPOINT_FAILURE_REASONS = {
  EXPIRED: 'it was not complete within its time-out',
  TASK_DECLINED: 'a task could not take its snapshot',
  TASK_FAILED: 'a task ended while it was under way',
  STORAGE_FAILED: 'its state or metadata could not be stored',
  JOB_ENDING: 'the job was ending',
  SUBSUMED: 'a later checkpoint completed first',
  LEADERSHIP_LOST: 'another job manager leads by now',
} as const;

export type CheckpointFailureReason = keyof typeof CHECKPOINT_FAILURE_REASONS;

/** Why a task declines; its message says more. */
export type CheckpointDeclineReason = 'TASK_NOT_RUNNING' | 'SNAPSHOT_FAILED' | 'STORAGE_FAILED';
