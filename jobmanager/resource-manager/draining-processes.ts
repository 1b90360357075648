import type { TaskManagerRegistration } from '../../shared/rpc/messages.ts';

type Process = Pick<TaskManagerRegistration, 'taskManagerId' | 'hostName' | 'processId'>;

/** Those that are gone for good never say so; the oldest are forgotten. */
const REMEMBERED_MAX = 4_096;

/**
 * Which task managers drain, over the ends of their streams: one that connects anew still drains, for
 * it may not have heard of it; another process under its name does not.
 */
export class DrainingProcesses {
  readonly #byId = new Map<string, Process>();

  add({ taskManagerId, hostName, processId }: Process): void {
    this.#byId.delete(taskManagerId);
    this.#byId.set(taskManagerId, { taskManagerId, hostName, processId });
    for (const oldest of this.#byId.keys()) {
      if (this.#byId.size <= REMEMBERED_MAX) break;
      this.#byId.delete(oldest);
    }
  }

  has({ taskManagerId, hostName, processId }: Process): boolean {
    const known = this.#byId.get(taskManagerId);
    return known?.hostName === hostName && known.processId === processId;
  }

  /** It has left. */
  remove(taskManagerId: string): void {
    this.#byId.delete(taskManagerId);
  }
}
