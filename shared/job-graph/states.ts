/**
 * The life of one attempt (Flink's ExecutionState):
 *
 *   CREATED ─► SCHEDULED ─► DEPLOYING ─► INITIALIZING ─► RUNNING ─► FINISHED
 *      │           │            │              │             │
 *      └───────────┴────────────┴───── CANCELING ─► CANCELED │
 *                               └──────────────┴─────────────┴────► FAILED
 */
export const EXECUTION_TRANSITIONS = {
  CREATED: ['SCHEDULED', 'CANCELED', 'FAILED'],
  SCHEDULED: ['DEPLOYING', 'CANCELING', 'CANCELED', 'FAILED'],
  DEPLOYING: ['INITIALIZING', 'RUNNING', 'CANCELING', 'CANCELED', 'FAILED', 'FINISHED'],
  INITIALIZING: ['RUNNING', 'CANCELING', 'CANCELED', 'FAILED', 'FINISHED'],
  RUNNING: ['FINISHED', 'CANCELING', 'CANCELED', 'FAILED'],
  CANCELING: ['CANCELED', 'FINISHED', 'FAILED'],
  FINISHED: [],
  CANCELED: [],
  FAILED: [],
} as const satisfies Record<string, readonly string[]>;

export type ExecutionState = keyof typeof EXECUTION_TRANSITIONS;

/**
 * The life of a job (Flink's JobStatus):
 *
 *   CREATED ─► WAITING_FOR_RESOURCES ─► RUNNING ─► FINISHED
 *                      │                  ├─► STOPPING ─► FINISHED
 *                      │                  ├─► RESTARTING ─► RUNNING, STOPPING
 *                      │                  ├─► FAILING ─► FAILED
 *                      └──────────────────┴─► CANCELLING ─► CANCELED
 *
 * RESTARTING, which only jobs with checkpoints know, comes from STOPPING too; it can fail and be
 * cancelled.
 */
export const JOB_TRANSITIONS = {
  CREATED: ['WAITING_FOR_RESOURCES', 'CANCELLING', 'FAILED'],
  WAITING_FOR_RESOURCES: ['RUNNING', 'CANCELLING', 'CANCELED', 'FAILED'],
  RUNNING: ['STOPPING', 'RESTARTING', 'CANCELLING', 'FAILING', 'FINISHED'],
  STOPPING: ['RESTARTING', 'FINISHED', 'CANCELLING', 'FAILING'],
  RESTARTING: ['RUNNING', 'STOPPING', 'CANCELLING', 'FAILING'],
  FAILING: ['FAILED'],
  CANCELLING: ['CANCELED', 'FAILED'],
  FINISHED: [],
  CANCELED: [],
  FAILED: [],
} as const satisfies Record<string, readonly string[]>;

export type JobState = keyof typeof JOB_TRANSITIONS;
