import { SluiceError } from '../shared/errors/sluice-error.ts';
import type { RestClient } from '../shared/rest/rest-client.ts';
import type { TaskManagerInfo } from '../shared/rest/rest-types.ts';
import { type Clock, sleep } from '../shared/time/clock.ts';

const POLL_MS = 500;

/**
 * Waits until nothing runs on a task manager that drains, or until the time is over: gives what is known
 * of it then. One that has gone meanwhile has nothing that runs, either.
 */
export async function awaitDrained(
  client: RestClient,
  begun: TaskManagerInfo,
  options: {
    readonly timeoutMs: number;
    readonly clock: Clock;
    /** Told why it does not drain, each reason once. */
    readonly onReason: (text: string) => void;
  },
): Promise<TaskManagerInfo> {
  const { timeoutMs, clock, onReason } = options;
  const deadlineMs = clock.monotonicMs() + timeoutMs;
  let info = begun;
  let told: string | null = null;
  while (info.state !== 'DRAINED' && clock.monotonicMs() < deadlineMs) {
    const reason = info.drainingReason;
    if (reason !== null && reason !== told) onReason(`${info.id}: ${reason}`);
    told = reason;
    await sleep(clock, POLL_MS);
    try {
      info = await client.taskManager(begun.id);
    } catch (error) {
      if (!(error instanceof SluiceError) || error.code !== 'TASK_MANAGER_NOT_FOUND') throw error;
      info = { ...info, state: 'DRAINED', drainingReason: null };
    }
  }
  return info;
}
