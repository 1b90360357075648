import { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { LogPart, LogRange } from '../../shared/observability/log-ring.ts';
import type { TaskManagerMessage } from '../../shared/rpc/messages.ts';
import type { Clock } from '../../shared/time/clock.ts';
import type { TaskManagerConnection } from './task-manager-connection.ts';

interface Pending {
  readonly connection: TaskManagerConnection;
  readonly settle: (part: LogPart | SluiceError) => void;
}

const TIMEOUT_MS = 10_000;
/** Each may hold as much as one answer may have. */
const PENDING_MAX = 16;

/** Asks task managers for parts of their logs, and hands on what they answer. */
export class LogRequests {
  readonly #clock: Clock;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Rejects with NETWORK_TIMEOUT, TASK_MANAGER_LOST, or RESOURCE_UNAVAILABLE where too many ask. */
  ask(id: string, connection: TaskManagerConnection, range: LogRange): Promise<LogPart> {
    if (this.#pending.size >= PENDING_MAX) return Promise.reject(tooMany());
    this.#lastId += 1;
    const requestId = this.#lastId;
    return new Promise((resolve, reject) => {
      const cancelTimer = this.#clock.setTimer(TIMEOUT_MS, () => settle(silent(id)));
      const settle = (part: LogPart | SluiceError): void => {
        cancelTimer();
        this.#pending.delete(requestId);
        if (part instanceof SluiceError) reject(part);
        else resolve(part);
      };
      this.#pending.set(requestId, { connection, settle });
      connection.send({ kind: 'read-log', requestId, range });
    });
  }

  /** Too late, or for nobody: dropped. */
  answered(
    connection: TaskManagerConnection,
    { requestId, part }: Extract<TaskManagerMessage, { kind: 'log-part' }>,
  ): void {
    const pending = this.#pending.get(requestId);
    if (pending?.connection === connection) pending.settle(part ?? notKept());
  }

  lost(connection: TaskManagerConnection, reason: string): void {
    for (const pending of [...this.#pending.values()]) {
      if (pending.connection !== connection) continue;
      const message = `the task manager was lost: ${reason}`;
      pending.settle(new SluiceError('TASK_MANAGER_LOST', message, { domain: 'external' }));
    }
  }
}

/** Of whichever process: its logger keeps nothing. */
export function notKept(): SluiceError {
  return new SluiceError('RESOURCE_UNAVAILABLE', 'the process keeps none of its log', {
    domain: 'external',
  });
}

function silent(taskManagerId: string): SluiceError {
  const message = `task manager ${taskManagerId} did not send its log within ${TIMEOUT_MS / 1000} s`;
  return new SluiceError('NETWORK_TIMEOUT', message, {
    domain: 'external',
    retry: 'backoff',
    context: { taskManagerId },
    hint: 'look at its log on its machine',
  });
}

function tooMany(): SluiceError {
  return new SluiceError('RESOURCE_UNAVAILABLE', `${PENDING_MAX} logs are being read already`, {
    domain: 'external',
    retry: 'backoff',
    hint: 'try again in a moment',
  });
}
