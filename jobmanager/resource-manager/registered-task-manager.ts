import { invariant } from '../../shared/errors/invariant.ts';
import type { ProcessMetrics } from '../../shared/observability/subtask-metrics.ts';
import type { TaskManagerInfo } from '../../shared/rest/rest-types.ts';
import type { TaskManagerRegistration } from '../../shared/rpc/messages.ts';
import type { SlotOffer } from '../scheduler/slots.ts';
import type { TaskManagerConnection } from './task-manager-connection.ts';

interface Slot {
  readonly device: 'cpu' | 'gpu';
  /** The job that holds it. */
  jobId: string | null;
  /** Deployed there and not known to have ended; may outlive the job's hold. */
  readonly attempts: Set<string>;
}

/**
 * A task manager while its stream stands: who it is, and what its slots do. A slot is free when no
 * job holds it *and* every attempt in it is known to have ended: a task that is slow to cancel keeps
 * its slot, also after its job was given up.
 */
export class RegisteredTaskManager {
  readonly registration: TaskManagerRegistration;
  readonly connection: TaskManagerConnection;
  /** Monotonic time of the last sign of life. */
  heardAtMs: number;
  /** It gets nothing new. For ever: another process under its name begins anew. */
  draining: boolean;
  /** It was told that nothing runs there any more. */
  drainedIsTold = false;
  process: ProcessMetrics = { rssBytes: 0, cpuCoresUsed: 0, eventLoopDelayMs: 0 };
  readonly #slots: readonly Slot[];
  /** Left over from a lost connection, in slots that are not known any more: all stay blocked. */
  readonly #leftovers: Set<string>;

  constructor(
    registration: TaskManagerRegistration,
    connection: TaskManagerConnection,
    nowMs: number,
  ) {
    this.registration = registration;
    this.connection = connection;
    this.heardAtMs = nowMs;
    this.#slots = registration.slots.map(({ device }) => ({
      device,
      jobId: null,
      attempts: new Set(),
    }));
    this.#leftovers = new Set(registration.runningAttemptIds);
    this.draining = registration.draining;
  }

  get id(): string {
    return this.registration.taskManagerId;
  }

  get slotCount(): number {
    return this.#slots.length;
  }

  /** Nothing runs there, and no job counts on its slots. */
  get isEmpty(): boolean {
    return this.#slots.every((slot) => this.#isFree(slot));
  }

  get state(): TaskManagerInfo['state'] {
    if (!this.draining) return 'ACTIVE';
    return this.isEmpty ? 'DRAINED' : 'DRAINING';
  }

  /** Of those that can be given to a job. */
  get freeSlotCount(): number {
    if (this.draining) return 0;
    return this.#slots.filter((slot) => this.#isFree(slot)).length;
  }

  offers(): SlotOffer[] {
    const { taskManagerId, hostName, labels, dataHost, dataPort } = this.registration;
    const dataAddress = { taskManagerId, host: dataHost, port: dataPort };
    return this.#slots.map((slot, slotIndex) => ({
      taskManagerId,
      hostName,
      slotIndex,
      device: slot.device,
      labels,
      dataAddress,
      free: !this.draining && this.#isFree(slot),
    }));
  }

  allocate(slotIndex: number, jobId: string): void {
    const slot = this.#slot(slotIndex);
    invariant(!this.draining && this.#isFree(slot), 'only a free slot is given to a job', {
      taskManagerId: this.id,
      slotIndex,
    });
    slot.jobId = jobId;
  }

  addAttempt(slotIndex: number, jobId: string, attemptId: string): void {
    const slot = this.#slot(slotIndex);
    invariant(slot.jobId === jobId, 'a task goes to a slot of its job', {
      slotIndex,
      attemptId,
    });
    slot.attempts.add(attemptId);
  }

  /** These of the reported attempts stay: their slots are their jobs'. */
  adopt(attemptIds: ReadonlySet<string>): void {
    for (const { attemptId, slotIndex } of this.registration.attempts) {
      const slot = this.#slots[slotIndex];
      if (slot === undefined || !attemptIds.has(attemptId)) continue;
      this.#leftovers.delete(attemptId);
      slot.jobId = attemptId.slice(0, attemptId.indexOf('/'));
      slot.attempts.add(attemptId);
    }
  }

  removeAttempt(attemptId: string): void {
    this.#leftovers.delete(attemptId);
    for (const slot of this.#slots) slot.attempts.delete(attemptId);
  }

  slotsHeldBy(jobId: string): number[] {
    return this.#slots.flatMap((slot, slotIndex) => (slot.jobId === jobId ? [slotIndex] : []));
  }

  releaseSlot(slotIndex: number, jobId: string): void {
    const slot = this.#slot(slotIndex);
    if (slot.jobId === jobId) slot.jobId = null;
  }

  releaseJob(jobId: string): void {
    for (const slot of this.#slots) if (slot.jobId === jobId) slot.jobId = null;
  }

  /** A heartbeat names everything that runs: leftovers that it does not name have ended. */
  confirmRunning(attemptIds: ReadonlySet<string>): void {
    for (const attemptId of this.#leftovers) {
      if (!attemptIds.has(attemptId)) this.#leftovers.delete(attemptId);
    }
  }

  /** `drainingReason`: what still runs there, of one that drains. */
  info(nowMs: number, drainingReason: string | null): TaskManagerInfo {
    const { registration } = this;
    return {
      id: this.id,
      host: registration.hostName,
      processId: registration.processId,
      dataAddress: `${registration.dataHost}:${registration.dataPort}`,
      metricsAddress: registration.metricsAddress,
      device: this.#slots.some((slot) => slot.device === 'gpu') ? 'gpu' : 'cpu',
      labels: registration.labels,
      slots: { total: this.slotCount, free: this.freeSlotCount },
      executors: registration.executors,
      rssBytes: this.process.rssBytes,
      cpuCoresUsed: this.process.cpuCoresUsed,
      lastHeartbeatAgeMs: Math.max(0, Math.round(nowMs - this.heardAtMs)),
      state: this.state,
      drainingReason: this.state === 'DRAINING' ? drainingReason : null,
    };
  }

  #isFree(slot: Slot): boolean {
    return slot.jobId === null && slot.attempts.size === 0 && this.#leftovers.size === 0;
  }

  #slot(slotIndex: number): Slot {
    const slot = this.#slots[slotIndex];
    invariant(slot !== undefined, 'the slot exists', { taskManagerId: this.id, slotIndex });
    return slot;
  }
}
