import type { Logger } from '../../shared/observability/logger.ts';
import type { JobDetail, JobSummary } from '../../shared/rest/rest-types.ts';
import type { ReportedAttempt, TaskManagerRegistration } from '../../shared/rpc/messages.ts';
import type { CancelTimer, Clock } from '../../shared/time/clock.ts';
import { subtaskKey } from '../execution-graph/pipelined-regions.ts';
import type { Adoption } from '../job-master/adoption.ts';
import type { RecoveryBase } from '../job-master/checkpoint-port.ts';
import type { JobRecord, RecordedAttempt } from '../job-store/job-record.ts';
import type {
  TaskCheckpointMessage,
  TaskStateMessage,
} from '../resource-manager/task-manager-connection.ts';
import type { SlotOffer } from '../scheduler/slots.ts';
import { endedJob } from './ended-job.ts';

/** A job that ran under an earlier leader, and what its checkpoints go on from. */
export interface AdoptableJob {
  readonly record: JobRecord;
  /** `firstCheckpointId`: none of the job's tasks has seen this id or a higher one. */
  readonly recovery: (firstCheckpointId: number) => RecoveryBase | null;
}

export interface JobAdoptionsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onReady: (job: AdoptableJob, adoption: Adoption, checkpointIdSeen: number) => void;
}

/**
 * How long a job waits for its task managers to come to the new leader; what has not been reported by
 * then is lost. Those of a leader that died come within a second; those of one that stands still find
 * that out by its silence (`heartbeatTimeoutMs`). Data flows meanwhile.
 */
const ADOPTION_TIMEOUT_MS = 5_000;

interface Waiting {
  readonly job: AdoptableJob;
  /** By attempt id. */
  readonly recorded: ReadonlyMap<string, RecordedAttempt>;
  readonly reports: Map<string, ReportedAttempt>;
  /** Attempts that their task manager, started again, does not have. */
  readonly lost: Set<string>;
  readonly cancelTimer: CancelTimer;
}

/**
 * Jobs between the change of leaders and their going on: collects what the task managers report of
 * their tasks until all that the record names has been heard of, or the time is over. Single-threaded.
 */
export class JobAdoptions {
  readonly #options: JobAdoptionsOptions;
  readonly #waiting = new Map<string, Waiting>();

  constructor(options: JobAdoptionsOptions) {
    this.#options = options;
  }

  add(job: AdoptableJob): void {
    const { record } = job;
    const recorded = new Map(
      (record.execution?.attempts ?? []).map((attempt) => [attemptIdOf(record, attempt), attempt]),
    );
    const cancelTimer = this.#options.clock.setTimer(ADOPTION_TIMEOUT_MS, () =>
      this.#end(record.jobId),
    );
    this.#waiting.set(record.jobId, {
      job,
      recorded,
      reports: new Map(),
      lost: new Set(),
      cancelTimer,
    });
  }

  has(jobId: string): boolean {
    return this.#waiting.has(jobId);
  }

  get jobs(): readonly JobRecord[] {
    return [...this.#waiting.values()].map(({ job }) => job.record);
  }

  get ids(): string[] {
    return [...this.#waiting.keys()];
  }

  /** The attempts that stay; the others of this task manager are to be cancelled. */
  onRegistered({ taskManagerId, attempts }: TaskManagerRegistration): ReadonlySet<string> {
    const adopted = new Set<string>();
    for (const report of attempts) {
      const waiting = this.#of(report.attemptId);
      const recorded = waiting?.recorded.get(report.attemptId);
      if (waiting === undefined || recorded === undefined) continue;
      const { slot } = recorded;
      if (slot.taskManagerId !== taskManagerId || slot.slotIndex !== report.slotIndex) continue;
      // A reader of which it is not known what it reads cannot go on: its splits are handed out again.
      if (report.source !== null && report.source.splits === null && isRunning(report)) continue;
      waiting.reports.set(report.attemptId, report);
      if (isRunning(report)) adopted.add(report.attemptId);
    }
    for (const { recorded, reports, lost } of this.#waiting.values()) {
      for (const [attemptId, { slot }] of recorded) {
        if (slot.taskManagerId !== taskManagerId) continue;
        if (reports.has(attemptId)) lost.delete(attemptId);
        else lost.add(attemptId);
      }
    }
    return adopted;
  }

  /** Goes on with jobs that were heard of completely; call it when the registration is done. */
  check(): void {
    for (const [jobId, { recorded, reports, lost }] of this.#waiting) {
      if (reports.size + lost.size === recorded.size) this.#end(jobId);
    }
  }

  onTaskManagerLost(taskManagerId: string): void {
    for (const { recorded, reports, lost } of this.#waiting.values()) {
      for (const [attemptId, { slot }] of recorded) {
        if (slot.taskManagerId !== taskManagerId) continue;
        reports.delete(attemptId);
        lost.delete(attemptId);
      }
    }
  }

  onTaskState({ attemptId, state, error }: TaskStateMessage): void {
    this.#change(attemptId, (report) => ({ ...report, state, error }));
  }

  onSplitRequest(attemptId: string, count: number): void {
    this.#change(attemptId, (report) =>
      report.source === null
        ? report
        : {
            ...report,
            source: { ...report.source, splitsWanted: report.source.splitsWanted + count },
          },
    );
  }

  onCheckpointMessage(message: TaskCheckpointMessage): void {
    // Acknowledgements are of a checkpoint that will be aborted.
    if (message.kind !== 'source-drained') return;
    this.#change(message.attemptId, (report) =>
      report.source === null ? report : { ...report, source: { ...report.source, drained: true } },
    );
  }

  summaries(nowMs: number): JobSummary[] {
    return [...this.#waiting.values()].map(({ job: { record } }) => ({
      id: record.jobId,
      name: record.jobGraph.name,
      state: record.state,
      submittedAt: new Date(record.submittedAtMs).toISOString(),
      endedAt: null,
      durationMs: Math.max(0, nowMs - record.submittedAtMs),
      tasks: {},
    }));
  }

  /** What its record says of it. */
  detail(jobId: string): JobDetail | undefined {
    const waiting = this.#waiting.get(jobId);
    return waiting && { ...endedJob(waiting.job.record).detail, endedAt: null };
  }

  /** The leader is deposed. */
  close(): void {
    for (const { cancelTimer } of this.#waiting.values()) cancelTimer();
    this.#waiting.clear();
  }

  #change(attemptId: string, change: (report: ReportedAttempt) => ReportedAttempt): void {
    const reports = this.#of(attemptId)?.reports;
    const report = reports?.get(attemptId);
    if (report !== undefined) reports?.set(attemptId, change(report));
  }

  #of(attemptId: string): Waiting | undefined {
    return this.#waiting.get(attemptId.slice(0, attemptId.indexOf('/')));
  }

  #end(jobId: string): void {
    const waiting = this.#waiting.get(jobId);
    if (waiting === undefined) return;
    this.#waiting.delete(jobId);
    waiting.cancelTimer();
    const { job, recorded, reports } = waiting;
    const running = [...reports.values()].filter(isRunning).length;
    const found = { jobId, job: job.record.jobGraph.name, subtasks: recorded.size, running };
    this.#options.logger.info(found, 'job adopted from an earlier leader');
    const seen = [...reports.values()].map(({ checkpointIdSeen }) => checkpointIdSeen);
    this.#options.onReady(job, adoptionOf(job.record, reports), Math.max(0, ...seen));
  }
}

function adoptionOf(record: JobRecord, reports: ReadonlyMap<string, ReportedAttempt>): Adoption {
  const plan = new Map<string, SlotOffer[]>();
  const attempts = new Map<string, number>();
  for (const { vertexId, subtask, attempt, slot } of record.execution?.attempts ?? []) {
    plan.set(vertexId, [...(plan.get(vertexId) ?? []), { ...slot, free: false }]);
    attempts.set(subtaskKey({ vertexId, subtask }), attempt);
  }
  return { plan, attempts, reports, stopping: record.stopping };
}

function attemptIdOf(
  { jobId }: JobRecord,
  { vertexId, subtask, attempt }: RecordedAttempt,
): string {
  return `${jobId}/${subtaskKey({ vertexId, subtask })}/${attempt}`;
}

function isRunning({ state }: ReportedAttempt): boolean {
  return state === 'INITIALIZING' || state === 'RUNNING';
}
