import { type SerializedError, SluiceError } from '../../shared/errors/sluice-error.ts';
import type { JobGraph } from '../../shared/job-graph/job-graph.ts';
import { type PlanNode, planNodes } from '../../shared/job-graph/job-plan.ts';
import type { JobState } from '../../shared/job-graph/states.ts';
import type { Logger } from '../../shared/observability/logger.ts';
import type { SubtaskMetrics } from '../../shared/observability/subtask-metrics.ts';
import type {
  JobCheckpointsDetail,
  JobDetail,
  JobPlan,
  JobSummary,
} from '../../shared/rest/rest-types.ts';
import type { CancelTimer, Clock } from '../../shared/time/clock.ts';
import { JobRun } from '../job-master/job-run.ts';
import type { OperatorTotals } from '../metrics/job-metrics.ts';
import type { ResourceManager } from '../resource-manager/resource-manager.ts';
import type {
  ResourceListener,
  TaskStateMessage,
} from '../resource-manager/task-manager-connection.ts';
import { schedule } from '../scheduler/scheduler.ts';
import type { CreateEnumerator } from '../sources/create-enumerator.ts';
import { jobDetail, jobSummary } from './job-detail.ts';

export interface DispatcherOptions {
  readonly resourceManager: ResourceManager;
  readonly createEnumerator: CreateEnumerator;
  readonly newJobId: () => string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly resourceTimeoutMs: number;
  readonly failureGraceMs: number;
  readonly cancellationTimeoutMs: number;
  readonly stabilisationMs: number;
  readonly expectedSlots: number;
  readonly endedJobsMax: number;
}

/** Jobs that wait or run at a time; one more is refused. */
const ACTIVE_JOBS_MAX = 1_000;

/** What is kept of a job that has ended. */
interface EndedJob {
  readonly detail: JobDetail;
  readonly totals: readonly OperatorTotals[];
  readonly plan: readonly PlanNode[];
}

/** A job's numbers for the metrics endpoint. */
export interface JobMeasurement {
  readonly id: string;
  readonly name: string;
  readonly state: JobState;
  readonly operators: readonly OperatorTotals[];
}

/**
 * Takes jobs in, gives them slots in the order of their submission, routes what task managers say to
 * the job it concerns, and remembers the last ended ones. Single-threaded, synchronous.
 */
export class Dispatcher implements ResourceListener {
  readonly #options: DispatcherOptions;
  /** In the order of submission. */
  readonly #active = new Map<string, JobRun>();
  /** In the order of their ends; at most `endedJobsMax`. */
  readonly #ended = new Map<string, EndedJob>();
  readonly #waiters: (() => void)[] = [];
  #cancelStabilisation: CancelTimer | null = null;
  #scheduling = false;
  #scheduleAgain = false;
  #closed = false;

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  // For REST

  submit(jobGraph: JobGraph, { restoreFrom }: { readonly restoreFrom?: string } = {}): string {
    if (restoreFrom !== undefined) throw noCheckpoints('it cannot start from a savepoint');
    if (this.#closed) {
      throw new SluiceError('JOB_STATE', 'the job manager is shutting down', {
        domain: 'external',
      });
    }
    if (this.#active.size >= ACTIVE_JOBS_MAX) {
      throw new SluiceError(
        'RESOURCE_UNAVAILABLE',
        `the job manager runs ${ACTIVE_JOBS_MAX} jobs at most at a time`,
        { domain: 'user' },
      );
    }
    const jobId = this.#options.newJobId();
    const run = new JobRun({
      ...this.#options,
      jobId,
      jobGraph,
      onEnded: (ended) => this.#onEnded(ended),
    });
    this.#active.set(jobId, run);
    run.dispatch({ kind: 'submitted' });
    this.#schedule();
    return jobId;
  }

  /** Newest first. */
  list(): JobSummary[] {
    const nowMs = this.#now();
    const active = [...this.#active.values()].map((run) => jobSummary(run, nowMs));
    const ended = [...this.#ended.values()].map(({ detail }) => summaryOf(detail));
    return [...ended, ...active].toSorted((left, right) =>
      left.submittedAt < right.submittedAt ? 1 : left.submittedAt > right.submittedAt ? -1 : 0,
    );
  }

  /** By the id, or by the first characters of exactly one job's id. */
  detail(idOrPrefix: string): JobDetail {
    const jobId = this.#resolve(idOrPrefix);
    const run = this.#active.get(jobId);
    if (run !== undefined) return jobDetail(run, this.#now());
    const ended = this.#ended.get(jobId);
    if (ended !== undefined) return ended.detail;
    throw this.#notFound(jobId);
  }

  /** Twice is as good as once; a job that has ended is an error. */
  cancel(jobId: string): JobDetail {
    return this.#change(jobId, 'cancel');
  }

  /** Stop with drain: what the sources have found is still processed. */
  stop(jobId: string): JobDetail {
    return this.#change(jobId, 'stop');
  }

  async savepoint(idOrPrefix: string): Promise<string> {
    this.detail(idOrPrefix);
    throw noCheckpoints('no savepoint can be made');
  }

  stopWithSavepoint(idOrPrefix: string): Promise<string> {
    return this.savepoint(idOrPrefix);
  }

  checkpoints(idOrPrefix: string): JobCheckpointsDetail {
    this.detail(idOrPrefix);
    const counts = { completed: 0, failed: 0, inProgress: 0 };
    return { settings: null, counts, latest: null, inProgress: null, history: [] };
  }

  /** What its sources read and its sinks write. */
  plan(idOrPrefix: string): JobPlan {
    const { id, name, state } = this.detail(idOrPrefix);
    const run = this.#active.get(id);
    const nodes = run === undefined ? this.#ended.get(id)?.plan : planNodes(run.jobGraph);
    return { id, name, state, nodes: nodes ?? [] };
  }

  stateCounts(): Partial<Record<JobState, number>> {
    const counts: Partial<Record<JobState, number>> = {};
    const count = (state: JobState) => {
      counts[state] = (counts[state] ?? 0) + 1;
    };
    for (const run of this.#active.values()) count(run.master.state);
    for (const { detail } of this.#ended.values()) count(detail.state);
    return counts;
  }

  measurements(): JobMeasurement[] {
    const active = [...this.#active.values()].map((run) => ({
      id: run.jobId,
      name: run.jobGraph.name,
      state: run.master.state,
      operators: run.metrics.operatorTotals(),
    }));
    const ended = [...this.#ended.values()].map(({ detail, totals }) => ({
      id: detail.id,
      name: detail.name,
      state: detail.state,
      operators: totals,
    }));
    return [...ended, ...active];
  }

  /** Cancels every job and resolves when all have ended; takes no new ones. */
  async shutdown(): Promise<void> {
    this.#closed = true;
    for (const run of [...this.#active.values()]) run.dispatch({ kind: 'cancel' });
    this.#cancelStabilisation?.();
    while (this.#active.size > 0) {
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }

  /** After a shutdown that took too long: forgets the jobs that have not ended. */
  abandon(): void {
    for (const run of this.#active.values()) run.abandon();
    this.#active.clear();
  }

  // From task managers

  onSlotsChanged(): void {
    this.#schedule();
  }

  onTaskManagerLost(taskManagerId: string, error: SerializedError): void {
    for (const run of [...this.#active.values()]) {
      run.dispatch({ kind: 'task-manager-lost', taskManagerId, error });
    }
  }

  onTaskState(taskManagerId: string, message: TaskStateMessage): void {
    this.#runOf(message.attemptId)?.onTaskState(taskManagerId, message);
  }

  onSplitRequest(taskManagerId: string, attemptId: string, count: number): void {
    this.#runOf(attemptId)?.onSplitRequest(taskManagerId, attemptId, count);
  }

  onCheckpointMessage(): void {
    // No checkpoint is triggered yet.
  }

  onSubtaskMetrics(taskManagerId: string, subtasks: readonly SubtaskMetrics[]): void {
    for (const subtask of subtasks) {
      this.#runOf(subtask.attemptId)?.onSubtaskMetrics(taskManagerId, subtask);
    }
  }

  // Inside

  #runOf(attemptId: string): JobRun | undefined {
    return this.#active.get(attemptId.slice(0, attemptId.indexOf('/')));
  }

  #resolve(idOrPrefix: string): string {
    if (this.#active.has(idOrPrefix) || this.#ended.has(idOrPrefix)) return idOrPrefix;
    const ids = [...this.#active.keys(), ...this.#ended.keys()];
    const matching = ids.filter((id) => id.startsWith(idOrPrefix));
    if (matching.length > 1) {
      const message = `"${idOrPrefix}" begins the ids of ${matching.length} jobs`;
      throw new SluiceError('JOB_NOT_FOUND', message, {
        domain: 'user',
        context: { job: idOrPrefix },
        hint: 'give more characters of the id',
      });
    }
    return matching[0] ?? idOrPrefix;
  }

  #notFound(jobId: string): SluiceError {
    return new SluiceError('JOB_NOT_FOUND', `there is no job "${jobId}"`, {
      domain: 'user',
      context: { job: jobId },
      hint: 'list the jobs with `sluice jobs`',
    });
  }

  #change(idOrPrefix: string, kind: 'cancel' | 'stop'): JobDetail {
    const jobId = this.#resolve(idOrPrefix);
    const run = this.#active.get(jobId);
    if (run === undefined) {
      const { state } = this.detail(jobId);
      throw new SluiceError('JOB_STATE', `job ${jobId} has ended: it is ${state}`, {
        domain: 'user',
        context: { job: jobId, state },
      });
    }
    run.dispatch({ kind });
    return jobDetail(run, this.#now());
  }

  /** Gives slots to every job that can have them; entered once at a time. */
  #schedule(): void {
    this.#scheduleAgain = true;
    if (this.#scheduling) return;
    this.#scheduling = true;
    try {
      while (this.#scheduleAgain) {
        this.#scheduleAgain = false;
        for (const run of [...this.#active.values()]) this.#scheduleJob(run);
      }
    } finally {
      this.#scheduling = false;
    }
  }

  #scheduleJob(run: JobRun): void {
    if (run.master.state !== 'WAITING_FOR_RESOURCES') return;
    const { resourceManager } = this.#options;
    const decision = schedule(run.jobGraph, resourceManager.slots());
    if (decision.kind === 'waiting') {
      run.dispatch({ kind: 'waiting', reason: decision.reason });
      return;
    }
    const pauseMs = decision.adaptive ? this.#stabilisationLeftMs() : 0;
    if (pauseMs > 0) {
      run.dispatch({ kind: 'waiting', reason: 'waits a moment for more task managers' });
      this.#cancelStabilisation?.();
      this.#cancelStabilisation = this.#options.clock.setTimer(pauseMs, () => this.#schedule());
      return;
    }
    resourceManager.allocate(run.jobId, decision.plan);
    run.dispatch({ kind: 'slots-assigned', plan: decision.plan });
  }

  #stabilisationLeftMs(): number {
    const { resourceManager, stabilisationMs, expectedSlots } = this.#options;
    if (expectedSlots > 0 && resourceManager.slotCounts().total >= expectedSlots) return 0;
    return Math.ceil(stabilisationMs - resourceManager.sinceLastRegistrationMs());
  }

  #onEnded(run: JobRun): void {
    this.#active.delete(run.jobId);
    const detail = jobDetail(run, this.#now());
    const totals = run.metrics.operatorTotals();
    this.#ended.set(run.jobId, { detail, totals, plan: planNodes(run.jobGraph) });
    for (const oldest of this.#ended.keys()) {
      if (this.#ended.size <= this.#options.endedJobsMax) break;
      this.#ended.delete(oldest);
    }
    for (const resolve of this.#waiters.splice(0)) resolve();
    this.#schedule();
  }

  #now(): number {
    return this.#options.clock.nowMs();
  }
}

function noCheckpoints(consequence: string): SluiceError {
  const message = `the job manager has no storage for checkpoints: ${consequence}`;
  return new SluiceError('JOB_STATE', message, {
    domain: 'user',
    hint: 'start it with --storage',
  });
}

function summaryOf(detail: JobDetail): JobSummary {
  const { id, name, state, submittedAt, endedAt, durationMs, tasks } = detail;
  return { id, name, state, submittedAt, endedAt, durationMs, tasks };
}
