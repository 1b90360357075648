import { SluiceError, serializeError } from '../../shared/errors/sluice-error.ts';
import type { TaskManagerMessage, TaskManagerRegistration } from '../../shared/rpc/messages.ts';
import type { TaskManagerConnection } from '../resource-manager/task-manager-connection.ts';

/** What task managers' streams talk to; the resource manager. */
export interface ControlPlane {
  /** Answers `registered` or `refused` on the connection; false where it was refused. */
  register(registration: TaskManagerRegistration, connection: TaskManagerConnection): boolean;
  handleMessage(
    taskManagerId: string,
    connection: TaskManagerConnection,
    message: TaskManagerMessage,
  ): void;
  connectionClosed(connection: TaskManagerConnection, reason: string): void;
}

/**
 * Lets task managers in while this job manager leads, and tells them who does while it does not. Every
 * term has a resource manager of its own; what comes over a stream of an earlier term reaches none.
 */
export class ControlGate implements ControlPlane {
  readonly #refusal: () => SluiceError;
  #current: ControlPlane | null = null;

  /** `refusal`: NOT_LEADER, with what is known of the leader. */
  constructor(refusal: () => SluiceError) {
    this.#refusal = refusal;
  }

  open(current: ControlPlane): void {
    this.#current = current;
  }

  close(): void {
    this.#current = null;
  }

  register(registration: TaskManagerRegistration, connection: TaskManagerConnection): boolean {
    if (this.#current !== null) return this.#current.register(registration, connection);
    connection.send({ kind: 'refused', error: serializeError(this.#refusal()) });
    return false;
  }

  handleMessage(
    taskManagerId: string,
    connection: TaskManagerConnection,
    message: TaskManagerMessage,
  ): void {
    this.#current?.handleMessage(taskManagerId, connection, message);
  }

  connectionClosed(connection: TaskManagerConnection, reason: string): void {
    this.#current?.connectionClosed(connection, reason);
  }
}

/** What a standby answers, to task managers and over REST. */
export function notLeader(
  leader: { readonly rpcAddress: string; readonly restAddress: string } | null,
): SluiceError {
  const { rpcAddress = '', restAddress = '' } = leader ?? {};
  const message =
    leader === null
      ? 'this job manager is a standby, and none leads yet'
      : `this job manager is a standby; ${restAddress} leads`;
  return new SluiceError('NOT_LEADER', message, {
    domain: 'external',
    retry: 'backoff',
    context: leader === null ? {} : { rpcAddress, restAddress },
    hint: 'ask the leader, or try again in a few seconds',
  });
}
