import {
  type SerializedError,
  SluiceError,
  serializeError,
} from '../../shared/errors/sluice-error.ts';
import type { TaskDeployment } from '../../shared/job-graph/task-deployment.ts';
import type { LogPart, LogRange } from '../../shared/observability/log-ring.ts';
import type { Logger } from '../../shared/observability/logger.ts';
import type { SlotCounts, TaskManagerInfo } from '../../shared/rest/rest-types.ts';
import type {
  JobManagerMessage,
  TaskManagerMessage,
  TaskManagerRegistration,
} from '../../shared/rpc/messages.ts';
import type { CancelTimer, Clock } from '../../shared/time/clock.ts';
import { isEnded } from '../execution-graph/execution-graph.ts';
import type { SchedulePlan } from '../scheduler/scheduler.ts';
import { type SlotOffer, slotKey } from '../scheduler/slots.ts';
import { DrainingProcesses } from './draining-processes.ts';
import { LogRequests } from './log-requests.ts';
import { RegisteredTaskManager } from './registered-task-manager.ts';
import type { ResourceListener, TaskManagerConnection } from './task-manager-connection.ts';

export interface ResourceManagerOptions {
  readonly jobManagerId: string;
  /** The leader's fencing token. Absent: there is no storage, and no other job manager. */
  readonly epoch?: number;
  readonly version: string;
  readonly heartbeatIntervalMs: number;
  readonly heartbeatTimeoutMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * How a task manager went: `left`: it said so. `disconnected`: its stream ended. `silent`: it missed the
 * heartbeat time-out. `replaced`: it, or another process with its name, connected anew before that.
 */
export type Departure = 'left' | 'disconnected' | 'silent' | 'replaced';

/** More slots than any cluster has; what a faulty peer cannot exceed. */
const TASK_MANAGERS_MAX = 4_096;

/**
 * Knows the task managers: their streams, their heartbeats and what each slot does (Flink's
 * ResourceManager and SlotManager). A task manager is lost when its stream ends, when it is silent
 * for the heartbeat time-out, or when it says that it leaves. Single-threaded, synchronous.
 */
export class ResourceManager {
  readonly #options: ResourceManagerOptions;
  readonly #taskManagers = new Map<string, RegisteredTaskManager>();
  readonly #draining = new DrainingProcesses();
  readonly #logs: LogRequests;
  readonly #departures: Record<Departure, number> = {
    left: 0,
    disconnected: 0,
    silent: 0,
    replaced: 0,
  };
  #listener: ResourceListener | null = null;
  #cancelCheck: CancelTimer = () => {};
  #checkedAtMs = 0;
  #registeredAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: ResourceManagerOptions) {
    this.#options = options;
    this.#logs = new LogRequests(options.clock);
  }

  start(listener: ResourceListener): void {
    this.#listener = listener;
    this.#scheduleCheck();
  }

  stop(): void {
    this.#cancelCheck();
    this.#listener = null;
    for (const { connection } of this.#taskManagers.values()) {
      this.#logs.lost(connection, 'the job manager stopped');
      connection.close();
    }
    this.#taskManagers.clear();
  }

  // Task managers

  /** Answers `registered` or `refused` on the connection; false where it was refused. */
  register(registration: TaskManagerRegistration, connection: TaskManagerConnection): boolean {
    const { logger, clock } = this.#options;
    const id = registration.taskManagerId;
    const refusal = this.#refusal(registration);
    if (refusal !== null) {
      logger.warn({ taskManagerId: id, code: refusal.code }, refusal.message);
      connection.send({ kind: 'refused', error: serializeError(refusal) });
      return false;
    }
    const old = this.#taskManagers.get(id);
    if (old !== undefined) {
      // Its new stream came before the end of the old one was noticed; or two have one name, and
      // would take it from each other for ever if the older one were not sent away.
      const isSame = isSameProcess(old.registration, registration);
      this.#lose(
        old,
        'replaced',
        isSame ? 'it connected anew' : 'another process came with its name',
      );
      if (!isSame) old.connection.send({ kind: 'refused', error: replaced(registration) });
      old.connection.close();
    }
    const taskManager = new RegisteredTaskManager(registration, connection, clock.monotonicMs());
    this.#taskManagers.set(id, taskManager);
    taskManager.draining ||= this.#draining.has(registration);
    this.#registeredAtMs = clock.monotonicMs();
    connection.send({
      kind: 'registered',
      jobManagerId: this.#options.jobManagerId,
      epoch: this.#options.epoch ?? 0,
      heartbeatIntervalMs: this.#options.heartbeatIntervalMs,
      heartbeatTimeoutMs: this.#options.heartbeatTimeoutMs,
    });
    // What its job does not know (any more) may not go on running.
    const adopted = this.#listener?.onRegistered(registration) ?? new Set();
    taskManager.adopt(adopted);
    for (const attemptId of registration.runningAttemptIds) {
      if (!adopted.has(attemptId)) connection.send({ kind: 'cancel-task', attemptId });
    }
    if (taskManager.draining) this.#beginDrain(taskManager);
    const { hostName, processId } = registration;
    logger.info(
      { taskManagerId: id, host: hostName, processId, slots: taskManager.slotCount },
      'task manager registered',
    );
    this.#slotsChanged();
    return true;
  }

  /**
   * Nothing new comes to it from now on, and jobs with tasks on it move to other slots as soon as they
   * can. Again: nothing more happens. Throws TASK_MANAGER_NOT_FOUND.
   */
  drain(taskManagerId: string): TaskManagerInfo {
    const taskManager = this.#taskManagers.get(taskManagerId);
    if (taskManager === undefined) throw notRegistered(taskManagerId);
    if (!taskManager.draining) {
      taskManager.draining = true;
      this.#beginDrain(taskManager);
      this.#slotsChanged();
    }
    return this.#info(taskManager);
  }

  /** From a registered stream; what comes over one that was replaced is dropped. */
  handleMessage(
    taskManagerId: string,
    connection: TaskManagerConnection,
    message: TaskManagerMessage,
  ): void {
    const taskManager = this.#taskManagers.get(taskManagerId);
    if (taskManager === undefined || taskManager.connection !== connection) return;
    taskManager.heardAtMs = this.#options.clock.monotonicMs();
    switch (message.kind) {
      case 'register':
        // Once per stream; a second one means that the other end has lost count.
        this.#lose(taskManager, 'disconnected', 'it registered twice on one stream');
        connection.close();
        return;
      case 'heartbeat':
        taskManager.process = message.process;
        taskManager.confirmRunning(new Set(message.subtasks.map(({ attemptId }) => attemptId)));
        connection.send({ kind: 'heartbeat-reply', sentAtMs: message.sentAtMs });
        this.#listener?.onSubtaskMetrics(taskManagerId, message.subtasks);
        this.#tellDrained();
        return;
      case 'task-state':
        if (isEnded(message.state)) taskManager.removeAttempt(message.attemptId);
        this.#listener?.onTaskState(taskManagerId, message);
        if (isEnded(message.state)) this.#slotsChanged();
        return;
      case 'split-request':
        this.#listener?.onSplitRequest(taskManagerId, message.attemptId, message.count);
        return;
      case 'acknowledge-checkpoint':
      case 'decline-checkpoint':
      case 'source-drained':
        this.#listener?.onCheckpointMessage(taskManagerId, message);
        return;
      case 'drain':
        if (taskManager.draining) {
          connection.send({ kind: 'drain-state', drained: taskManager.state === 'DRAINED' });
        }
        this.drain(taskManagerId);
        return;
      case 'log-part':
        this.#logs.answered(connection, message);
        return;
      case 'leaving':
        this.#draining.remove(taskManagerId);
        this.#lose(taskManager, 'left', `it left: ${message.reason}`);
        return;
      default:
        message satisfies never;
    }
  }

  connectionClosed(connection: TaskManagerConnection, reason: string): void {
    for (const taskManager of this.#taskManagers.values()) {
      if (taskManager.connection === connection) this.#lose(taskManager, 'disconnected', reason);
    }
  }

  /** A part of a task manager's log, from itself. Rejects with TASK_MANAGER_NOT_FOUND and the like. */
  async readLog(taskManagerId: string, range: LogRange): Promise<LogPart> {
    const taskManager = this.#taskManagers.get(taskManagerId);
    if (taskManager === undefined) throw notRegistered(taskManagerId);
    return this.#logs.ask(taskManagerId, taskManager.connection, range);
  }

  /** How the task managers went that are not registered any more. */
  get departures(): Readonly<Record<Departure, number>> {
    return this.#departures;
  }

  infos(): TaskManagerInfo[] {
    return [...this.#taskManagers.values()].map((taskManager) => this.#info(taskManager));
  }

  // Slots

  /** Of the task managers that do not drain. */
  slots(): SlotOffer[] {
    return this.#offers(({ draining }) => !draining);
  }

  /** Of the others; none of them is free. */
  drainingSlots(): SlotOffer[] {
    return this.#offers(({ draining }) => draining);
  }

  slotCounts(): SlotCounts {
    const all = [...this.#taskManagers.values()];
    return {
      total: all.reduce((sum, taskManager) => sum + taskManager.slotCount, 0),
      free: all.reduce((sum, taskManager) => sum + taskManager.freeSlotCount, 0),
    };
  }

  /** Since the last task manager came; infinite where none ever did. */
  sinceLastRegistrationMs(): number {
    return this.#options.clock.monotonicMs() - this.#registeredAtMs;
  }

  /** Gives every slot of the plan to the job. */
  allocate(jobId: string, plan: SchedulePlan): void {
    const slots = new Map([...plan.values()].flat().map((slot) => [slotKey(slot), slot]));
    for (const slot of slots.values()) {
      this.#taskManagers.get(slot.taskManagerId)?.allocate(slot.slotIndex, jobId);
    }
  }

  /** The free slots of the plan are the job's too from now on. */
  reserve(jobId: string, plan: SchedulePlan): void {
    const held = this.slotsHeldBy(jobId);
    const slots = new Map([...plan.values()].flat().map((slot) => [slotKey(slot), slot]));
    for (const [key, { taskManagerId, slotIndex }] of slots) {
      if (!held.has(key)) this.#taskManagers.get(taskManagerId)?.allocate(slotIndex, jobId);
    }
  }

  /** Whether the job holds a slot of the task manager. */
  isOn(jobId: string, taskManagerId: string): boolean {
    return (this.#taskManagers.get(taskManagerId)?.slotsHeldBy(jobId).length ?? 0) > 0;
  }

  /** Ids of the task managers that drain, or have. */
  drainingIds(): ReadonlySet<string> {
    const draining = [...this.#taskManagers.values()].filter((taskManager) => taskManager.draining);
    return new Set(draining.map(({ id }) => id));
  }

  /** The job's hold ends; slots in which tasks still run become free with their ends. */
  releaseJob(jobId: string): void {
    for (const taskManager of this.#taskManagers.values()) taskManager.releaseJob(jobId);
    this.#slotsChanged();
  }

  /** Keys of the slots that the job holds. */
  slotsHeldBy(jobId: string): ReadonlySet<string> {
    return new Set(
      [...this.#taskManagers.values()].flatMap((taskManager) =>
        taskManager.slotsHeldBy(jobId).map((slotIndex) => {
          return slotKey({ taskManagerId: taskManager.id, slotIndex });
        }),
      ),
    );
  }

  /** The job holds the slots of this plan from now on, and no others; those are free again. */
  reallocate(jobId: string, plan: SchedulePlan): void {
    const wanted = new Map([...plan.values()].flat().map((slot) => [slotKey(slot), slot]));
    const held = this.slotsHeldBy(jobId);
    for (const taskManager of this.#taskManagers.values()) {
      for (const slotIndex of taskManager.slotsHeldBy(jobId)) {
        const key = slotKey({ taskManagerId: taskManager.id, slotIndex });
        if (!wanted.has(key)) taskManager.releaseSlot(slotIndex, jobId);
      }
    }
    for (const [key, { taskManagerId, slotIndex }] of wanted) {
      if (!held.has(key)) this.#taskManagers.get(taskManagerId)?.allocate(slotIndex, jobId);
    }
    this.#tellDrained();
  }

  /** The job lets go of one slot, which is free when nothing runs in it any more. */
  releaseSlot(jobId: string, slot: Pick<SlotOffer, 'taskManagerId' | 'slotIndex'>): void {
    this.#taskManagers.get(slot.taskManagerId)?.releaseSlot(slot.slotIndex, jobId);
    this.#slotsChanged();
  }

  /** A slot came, went or became free. */
  #slotsChanged(): void {
    this.#listener?.onSlotsChanged();
    this.#tellDrained();
  }

  #offers(isWanted: (taskManager: RegisteredTaskManager) => boolean): SlotOffer[] {
    const wanted = [...this.#taskManagers.values()].filter(isWanted);
    return wanted.flatMap((taskManager) => taskManager.offers());
  }

  deploy(taskManagerId: string, deployment: TaskDeployment): void {
    const { slotIndex, jobId, attemptId } = deployment;
    this.#taskManagers.get(taskManagerId)?.addAttempt(slotIndex, jobId, attemptId);
    this.send(taskManagerId, { kind: 'deploy-task', deployment });
  }

  /** To a task manager that is gone: nothing happens, its loss was or will be told. */
  send(taskManagerId: string, message: JobManagerMessage): void {
    this.#taskManagers.get(taskManagerId)?.connection.send(message);
  }

  // Draining

  #beginDrain(taskManager: RegisteredTaskManager): void {
    const { id, registration, connection } = taskManager;
    this.#draining.add(registration);
    this.#options.logger.info({ taskManagerId: id }, 'task manager drains');
    connection.send({ kind: 'drain-state', drained: false });
  }

  /** Nothing new comes to it: once nothing runs there any more, that stays so. */
  #tellDrained(): void {
    for (const taskManager of this.#taskManagers.values()) {
      if (taskManager.state !== 'DRAINED' || taskManager.drainedIsTold) continue;
      taskManager.drainedIsTold = true;
      this.#options.logger.info({ taskManagerId: taskManager.id }, 'task manager has drained');
      taskManager.connection.send({ kind: 'drain-state', drained: true });
    }
  }

  #info(taskManager: RegisteredTaskManager): TaskManagerInfo {
    const reason = taskManager.draining ? this.#listener?.drainingReason(taskManager.id) : null;
    return taskManager.info(this.#options.clock.monotonicMs(), reason ?? null);
  }

  // Losses

  #lose(taskManager: RegisteredTaskManager, departure: Departure, reason: string): void {
    if (this.#taskManagers.get(taskManager.id) !== taskManager) return;
    this.#departures[departure] += 1;
    this.#taskManagers.delete(taskManager.id);
    this.#logs.lost(taskManager.connection, reason);
    const { hostName, processId } = taskManager.registration;
    this.#options.logger.warn(
      { taskManagerId: taskManager.id, host: hostName },
      `task manager lost: ${reason}`,
    );
    const error: SerializedError = {
      code: 'TASK_MANAGER_LOST',
      message: `task manager ${taskManager.id} on ${hostName} was lost: ${reason}`,
      domain: 'external',
      retry: 'restart-job',
      context: { taskManagerId: taskManager.id, host: hostName, processId },
      hint: 'its log says whether it was ended, crashed, or was cut off',
      causes: [],
    };
    this.#listener?.onTaskManagerLost(taskManager.id, error);
    this.#slotsChanged();
  }

  #scheduleCheck(): void {
    const { clock, heartbeatIntervalMs } = this.#options;
    const periodMs = heartbeatIntervalMs / 2;
    this.#checkedAtMs = clock.monotonicMs();
    this.#cancelCheck = clock.setTimer(periodMs, () => {
      this.#checkHeartbeats(periodMs);
      this.#scheduleCheck();
    });
  }

  #checkHeartbeats(periodMs: number): void {
    const { clock, heartbeatTimeoutMs } = this.#options;
    const nowMs = clock.monotonicMs();
    const lateMs = nowMs - this.#checkedAtMs - periodMs;
    for (const taskManager of this.#taskManagers.values()) {
      // Where this process itself stood still (a laptop that slept), heartbeats wait to be read.
      if (lateMs > heartbeatTimeoutMs / 4) {
        taskManager.heardAtMs = Math.min(nowMs, taskManager.heardAtMs + lateMs);
      }
      if (nowMs - taskManager.heardAtMs <= heartbeatTimeoutMs) continue;
      this.#lose(taskManager, 'silent', `no heartbeat for ${heartbeatTimeoutMs / 1000} s`);
      taskManager.connection.close();
    }
  }

  #refusal(registration: TaskManagerRegistration): SluiceError | null {
    const { taskManagerId, version } = registration;
    if (version !== this.#options.version) {
      return new SluiceError(
        'PROTOCOL_VIOLATION',
        `task manager ${taskManagerId} has version ${version}, the job manager ${this.#options.version}`,
        { domain: 'user', hint: 'install the same version on every machine' },
      );
    }
    if (registration.slots.length === 0) {
      return new SluiceError('ARGUMENT_INVALID', `task manager ${taskManagerId} has no slots`, {
        domain: 'user',
      });
    }
    if (this.#taskManagers.size >= TASK_MANAGERS_MAX && !this.#taskManagers.has(taskManagerId)) {
      return new SluiceError(
        'RESOURCE_UNAVAILABLE',
        `the job manager takes ${TASK_MANAGERS_MAX} task managers at most`,
        { domain: 'external' },
      );
    }
    return null;
  }
}

function isSameProcess(a: TaskManagerRegistration, b: TaskManagerRegistration): boolean {
  return a.hostName === b.hostName && a.processId === b.processId;
}

function notRegistered(taskManagerId: string): SluiceError {
  const message = `no task manager "${taskManagerId}" is registered`;
  return new SluiceError('TASK_MANAGER_NOT_FOUND', message, {
    domain: 'user',
    context: { taskManagerId },
    hint: 'list them with `sluice task-managers`',
  });
}

function replaced({
  taskManagerId,
  hostName,
  processId,
}: TaskManagerRegistration): SerializedError {
  return {
    code: 'FILE_EXISTS',
    message: `process ${processId} on ${hostName} has registered as ${taskManagerId} too`,
    domain: 'user',
    retry: 'none',
    context: { taskManagerId, host: hostName, processId },
    hint: 'give each task manager an id of its own',
    causes: [],
  };
}
