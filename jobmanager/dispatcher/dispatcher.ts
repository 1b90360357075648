import { type SerializedError, SluiceError } from '../../shared/errors/sluice-error.ts';
import type { JobGraph } from '../../shared/job-graph/job-graph.ts';
import { planNodes } from '../../shared/job-graph/job-plan.ts';
import type { JobState } from '../../shared/job-graph/states.ts';
import type { Logger } from '../../shared/observability/logger.ts';
import type { SubtaskMetrics } from '../../shared/observability/subtask-metrics.ts';
import type {
  JobCheckpointsDetail,
  JobDetail,
  JobPlan,
  JobSummary,
} from '../../shared/rest/rest-types.ts';
import type { TaskManagerRegistration } from '../../shared/rpc/messages.ts';
import type { CancelTimer, Clock } from '../../shared/time/clock.ts';
import { firstCheckpointIdAfterTakeover } from '../checkpoint/completed-checkpoint.ts';
import type { Adoption } from '../job-master/adoption.ts';
import type { RecoveryBase, RecoveryBases } from '../job-master/checkpoint-port.ts';
import type { JobEvent } from '../job-master/job-events.ts';
import { isLast, type JobRecovery } from '../job-master/job-recovery.ts';
import { JobRun } from '../job-master/job-run.ts';
import type { SlotRequest } from '../job-master/restart.ts';
import type { JobRecord, NewJob } from '../job-store/job-record.ts';
import { type JobMeasurement, measureJob } from '../metrics/job-measurement.ts';
import type { ResourceManager } from '../resource-manager/resource-manager.ts';
import type {
  ResourceListener,
  TaskCheckpointMessage,
  TaskStateMessage,
} from '../resource-manager/task-manager-connection.ts';
import { schedule } from '../scheduler/scheduler.ts';
import type { CreateEnumerator } from '../sources/create-enumerator.ts';
import { beingAdopted, noCheckpoints, noStorage } from './dispatcher-errors.ts';
import { endedJob } from './ended-job.ts';
import { EndedJobs } from './ended-jobs.ts';
import { type AdoptableJob, JobAdoptions } from './job-adoptions.ts';
import { checkpointsDetail, jobDetail, jobSummary, summaryOf } from './job-detail.ts';
import { Rescales } from './rescales.ts';
import { restartSlots } from './restart-slots.ts';
import { resumableJob } from './resumable-job.ts';

export interface DispatcherOptions {
  readonly resourceManager: ResourceManager;
  readonly createEnumerator: CreateEnumerator;
  /** Null or absent: no storage, so no checkpoints and no restarts. */
  readonly recoveries?: RecoveryBases | null;
  /** What outlives the job manager. Null or absent: nothing does. */
  readonly journal?: JobJournal | null;
  readonly newJobId: () => string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly resourceTimeoutMs: number;
  readonly failureGraceMs: number;
  readonly cancellationTimeoutMs: number;
  readonly stabilisationMs: number;
  readonly expectedSlots: number;
  readonly rescaleStabilisationMs: number;
  readonly rescaleCooldownMs: number;
  readonly endedJobsMax: number;
}

/** Jobs that wait or run at a time; one more is refused. */
const ACTIVE_JOBS_MAX = 1_000;

/** What outlives the job manager: the jobs' records. */
export interface JobJournal {
  /** Resolves once the job outlives the job manager. */
  created(job: NewJob): Promise<void>;
  /** Its record must say what has become of it. */
  changed(run: JobRun): void;
  /** It ended, and newer ones have: nobody can ask for it any more. */
  forgotten(jobId: string): void;
}

export interface SubmitOptions {
  /** The folder of a savepoint or a checkpoint, a URI. */
  readonly restoreFrom?: string;
  /** State in it that the job has no operator for is left behind; else the job is refused. */
  readonly allowDroppedState?: boolean;
}

export interface SavepointTarget {
  /** A URI; null: `savepoints` of the storage. */
  readonly directory: string | null;
}

/**
 * Takes jobs in, gives them slots in the order of their submission, routes what task managers say to
 * the job it concerns, and remembers the last ended ones. Single-threaded, synchronous.
 */
export class Dispatcher implements ResourceListener {
  readonly #options: DispatcherOptions;
  /** In the order of submission. */
  readonly #active = new Map<string, JobRun>();
  readonly #ended: EndedJobs;
  readonly #adoptions: JobAdoptions;
  readonly #rescales: Rescales;
  readonly #waiters: (() => void)[] = [];
  #cancelStabilisation: CancelTimer | null = null;
  #scheduling = false;
  #scheduleAgain = false;
  #closed = false;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    const { endedJobsMax, journal } = options;
    this.#ended = new EndedJobs(endedJobsMax, (jobId) => journal?.forgotten(jobId));
    this.#adoptions = new JobAdoptions({
      ...options,
      onReady: (...adopted) => this.#onAdoptable(...adopted),
    });
    this.#rescales = new Rescales({ ...options, checkAgain: () => this.#schedule() });
  }

  // For REST

  submit(jobGraph: JobGraph): string;
  /** Rejects where it cannot start from what it is to restore. */
  submit(jobGraph: JobGraph, options: SubmitOptions): string | Promise<string>;
  submit(jobGraph: JobGraph, options: SubmitOptions = {}): string | Promise<string> {
    const { recoveries } = this.#options;
    const { restoreFrom, allowDroppedState = false } = options;
    const jobId = this.#options.newJobId();
    if (restoreFrom === undefined) {
      return this.#submit(jobId, jobGraph, recoveries?.fresh(jobId) ?? null);
    }
    const consequence = 'it cannot start from a savepoint';
    if (recoveries == null) throw noStorage(consequence);
    if (jobGraph.checkpoints == null) throw noCheckpoints(consequence);
    const restored = recoveries.restored({ jobId, jobGraph, from: restoreFrom, allowDroppedState });
    return restored.then((recovery) => this.#submit(jobId, jobGraph, recovery));
  }

  /** See `resumableJob`. */
  resumable(jobGraph: JobGraph): string | null {
    return resumableJob(jobGraph, [...this.#active.values(), ...this.#adoptions.jobs]);
  }

  /** Newest first. */
  list(): JobSummary[] {
    const nowMs = this.#now();
    const active = [...this.#active.values()].map((run) => jobSummary(run, nowMs));
    const ended = [...this.#ended.values()].map(({ detail }) => summaryOf(detail));
    return [...ended, ...active, ...this.#adoptions.summaries(nowMs)].toSorted((left, right) =>
      left.submittedAt < right.submittedAt ? 1 : left.submittedAt > right.submittedAt ? -1 : 0,
    );
  }

  /** By the id, or by the first characters of exactly one job's id. */
  detail(idOrPrefix: string): JobDetail {
    const jobId = this.#resolve(idOrPrefix);
    const run = this.#active.get(jobId);
    if (run !== undefined) return jobDetail(run, this.#now());
    const ended = this.#ended.get(jobId);
    const detail = ended?.detail ?? this.#adoptions.detail(jobId);
    if (detail !== undefined) return detail;
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

  /** Resolves with the URI of its folder, once it is complete. */
  async savepoint(idOrPrefix: string, { directory }: SavepointTarget): Promise<string> {
    const recovery = this.#recoveryOf(idOrPrefix, 'no savepoint can be made');
    return recovery.checkpoints.savepoint({ directory, purpose: 'savepoint' });
  }

  /** Resolves once the job has ended, with the URI of the savepoint that it ended with. */
  async stopWithSavepoint(idOrPrefix: string, { directory }: SavepointTarget): Promise<string> {
    const recovery = this.#recoveryOf(idOrPrefix, 'it cannot stop with a savepoint');
    return recovery.suspension.request(directory);
  }

  checkpoints(idOrPrefix: string): JobCheckpointsDetail {
    const jobId = this.#resolve(idOrPrefix);
    const run = this.#active.get(jobId);
    const checkpoints =
      run === undefined ? this.#ended.get(jobId)?.checkpoints : checkpointsDetail(run);
    if (checkpoints === undefined) throw this.#notFound(jobId);
    return checkpoints;
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
    const ended = [...this.#ended.values()].map(({ measurement }) => measurement);
    return [...ended, ...[...this.#active.values()].map(measureJob)];
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

  // From an earlier leader

  /** A job that was submitted to an earlier leader, and that has not run. */
  resume(record: JobRecord, recovery: RecoveryBase | null): void {
    this.#begin(record, recovery, { kind: 'submitted' });
  }

  /** A job that ran: it goes on when its task managers have come. */
  adopt(job: AdoptableJob): void {
    this.#adoptions.add(job);
  }

  /** A job that has ended. */
  remember(record: JobRecord): void {
    this.#ended.add(record.jobId, endedJob(record));
  }

  /** After a shutdown that took too long, or where another one leads: forgets the jobs. */
  abandon(): void {
    this.#closed = true;
    this.#cancelStabilisation?.();
    this.#rescales.close();
    this.#adoptions.close();
    for (const run of this.#active.values()) run.abandon();
    this.#active.clear();
  }

  // From task managers

  onRegistered(registration: TaskManagerRegistration): ReadonlySet<string> {
    return this.#adoptions.onRegistered(registration);
  }

  onSlotsChanged(): void {
    this.#adoptions.check();
    this.#schedule();
  }

  drainingReason(taskManagerId: string): string | null {
    return this.#rescales.reasonsThere(taskManagerId, [...this.#active.values()]);
  }

  onTaskManagerLost(taskManagerId: string, error: SerializedError): void {
    this.#adoptions.onTaskManagerLost(taskManagerId);
    for (const run of [...this.#active.values()]) {
      run.dispatch({ kind: 'task-manager-lost', taskManagerId, error });
    }
  }

  onTaskState(taskManagerId: string, message: TaskStateMessage): void {
    this.#adoptions.onTaskState(message);
    this.#runOf(message.attemptId)?.onTaskState(taskManagerId, message);
  }

  onSplitRequest(taskManagerId: string, attemptId: string, count: number): void {
    this.#adoptions.onSplitRequest(attemptId, count);
    this.#runOf(attemptId)?.onSplitRequest(taskManagerId, attemptId, count);
  }

  onCheckpointMessage(taskManagerId: string, message: TaskCheckpointMessage): void {
    this.#adoptions.onCheckpointMessage(message);
    this.#runOf(message.attemptId)?.onCheckpointMessage(taskManagerId, message);
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
    const ids = [...this.#active.keys(), ...this.#ended.keys(), ...this.#adoptions.ids];
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
    if (this.#adoptions.has(jobId)) return beingAdopted(jobId);
    return new SluiceError('JOB_NOT_FOUND', `there is no job "${jobId}"`, {
      domain: 'user',
      context: { job: jobId },
      hint: 'list the jobs with `sluice jobs`',
    });
  }

  #change(idOrPrefix: string, kind: 'cancel' | 'stop'): JobDetail {
    const jobId = this.#resolve(idOrPrefix);
    const run = this.#activeRun(jobId);
    run.dispatch({ kind });
    return jobDetail(run, this.#now());
  }

  #activeRun(jobId: string): JobRun {
    const run = this.#active.get(jobId);
    if (run !== undefined) return run;
    if (this.#adoptions.has(jobId)) throw beingAdopted(jobId);
    const { state } = this.detail(jobId);
    throw new SluiceError('JOB_STATE', `job ${jobId} has ended: it is ${state}`, {
      domain: 'user',
      context: { job: jobId, state },
    });
  }

  #recoveryOf(idOrPrefix: string, consequence: string): JobRecovery {
    const { recovery } = this.#activeRun(this.#resolve(idOrPrefix));
    if (recovery !== null) return recovery;
    throw this.#options.recoveries == null ? noStorage(consequence) : noCheckpoints(consequence);
  }

  #submit(
    jobId: string,
    jobGraph: JobGraph,
    recovery: RecoveryBase | null,
  ): string | Promise<string> {
    this.#requireRoom();
    const { journal } = this.#options;
    const job = { jobId, jobGraph, submittedAtMs: this.#now() };
    if (journal == null) return this.#begin(job, recovery, { kind: 'submitted' });
    return journal
      .created({ ...job, checkpoints: recovery?.retained ?? [] })
      .then(() => this.#begin(job, recovery, { kind: 'submitted' }));
  }

  #requireRoom(): void {
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
  }

  #begin(
    job: Pick<JobRecord, 'jobId' | 'jobGraph' | 'submittedAtMs'>,
    recovery: RecoveryBase | null,
    event: Extract<JobEvent, { kind: 'submitted' | 'adopted' }>,
  ): string {
    const { jobId, jobGraph, submittedAtMs } = job;
    const run = new JobRun({
      ...this.#options,
      jobId,
      jobGraph,
      submittedAtMs,
      recovery,
      onChanged: (changed) => this.#options.journal?.changed(changed),
      onSlotsWanted: () => this.#schedule(),
      confirmRescale: (moved) => this.#rescales.confirm(moved, [...this.#active.values()]),
      onRescaleFailed: (failed, error) => this.#rescales.failed(failed, error),
      onEnded: (ended) => this.#onEnded(ended),
    });
    this.#active.set(jobId, run);
    run.dispatch(event);
    this.#schedule();
    return jobId;
  }

  #onAdoptable(job: AdoptableJob, adoption: Adoption, checkpointIdSeen: number): void {
    const { record } = job;
    const next = Math.max(record.nextCheckpointId, checkpointIdSeen + 1);
    const firstCheckpointId = firstCheckpointIdAfterTakeover(next);
    const ending = isLast(record.checkpoints.at(-1)?.purpose);
    this.#begin(record, job.recovery(firstCheckpointId), { kind: 'adopted', adoption, ending });
    if (record.state === 'CANCELLING') this.#active.get(record.jobId)?.dispatch({ kind: 'cancel' });
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
        if (!this.#closed) this.#rescales.check([...this.#active.values()]);
      }
    } finally {
      this.#scheduling = false;
    }
  }

  #scheduleJob(run: JobRun): void {
    const request = run.slotRequest;
    if (request?.kind === 'first') this.#scheduleFirst(run);
    else if (request !== null) this.#scheduleRestart(run, request);
  }

  #scheduleFirst(run: JobRun): void {
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

  #scheduleRestart(run: JobRun, request: Exclude<SlotRequest, { kind: 'first' }>): void {
    const { resourceManager } = this.#options;
    const decision = restartSlots(run, request, resourceManager);
    if (decision.kind === 'waiting') {
      run.dispatch(decision);
      return;
    }
    const { plan } = decision;
    resourceManager.reallocate(run.jobId, plan);
    run.dispatch({ kind: 'slots-assigned', plan });
    // Slots may have become free; other jobs wait.
    this.#scheduleAgain = true;
  }

  #stabilisationLeftMs(): number {
    const { resourceManager, stabilisationMs, expectedSlots } = this.#options;
    if (expectedSlots > 0 && resourceManager.slotCounts().total >= expectedSlots) return 0;
    return Math.ceil(stabilisationMs - resourceManager.sinceLastRegistrationMs());
  }

  #onEnded(run: JobRun): void {
    this.#active.delete(run.jobId);
    this.#rescales.forget(run.jobId);
    const detail = jobDetail(run, this.#now());
    const [measurement, plan] = [measureJob(run), planNodes(run.jobGraph)];
    const checkpoints = checkpointsDetail(run);
    this.#ended.add(run.jobId, { detail, measurement, plan, checkpoints });
    for (const resolve of this.#waiters.splice(0)) resolve();
    this.#schedule();
  }

  #now(): number {
    return this.#options.clock.nowMs();
  }
}
