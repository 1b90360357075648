import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { JobManagerMessage as JobManagerInfo } from '../../proto/generated/sluice/v1/JobManagerMessage.ts';
import type { TaskManagerMessage__Output as TaskManagerOutput } from '../../proto/generated/sluice/v1/TaskManagerMessage.ts';
import { SluiceError, serializeError } from '../../shared/errors/sluice-error.ts';
import type { Logger } from '../../shared/observability/logger.ts';
import { encodeJobManagerMessage } from '../../shared/rpc/job-manager-codec.ts';
import type { JobManagerMessage, TaskManagerMessage } from '../../shared/rpc/messages.ts';
import { decodeTaskManagerMessage } from '../../shared/rpc/task-manager-codec.ts';
import type { CancelTimer, Clock } from '../../shared/time/clock.ts';
import type { TaskManagerConnection } from '../resource-manager/task-manager-connection.ts';
import type { ControlPlane } from './control-gate.ts';

interface ControlStreamOptions {
  readonly controlPlane: ControlPlane;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A task manager is at the other end. */
  readonly onRegistered: () => void;
}

/** How long a new stream may take to say who it is. */
const REGISTRATION_TIMEOUT_MS = 5_000;
/** Messages that wait for a slow task manager; with more the stream is given up. */
const OUTBOX_MESSAGES_MAX = 10_000;

/**
 * One task manager's stream: decodes, calls the resource manager, encodes. The stream's end, however
 * it comes, is told exactly once. Runs in gRPC's callbacks on the main thread.
 */
export class ControlStream implements TaskManagerConnection {
  readonly #call: ServerDuplexStream<TaskManagerOutput, JobManagerInfo>;
  readonly #options: ControlStreamOptions;
  readonly #cancelRegistrationTimer: CancelTimer;
  #taskManagerId: string | null = null;
  #outbox = 0;
  /** Our half is ended: nothing can be sent any more. */
  #closing = false;
  /** The stream's end was told. */
  #ended = false;

  constructor(
    call: ServerDuplexStream<TaskManagerOutput, JobManagerInfo>,
    options: ControlStreamOptions,
  ) {
    this.#call = call;
    this.#options = options;
    this.#cancelRegistrationTimer = options.clock.setTimer(REGISTRATION_TIMEOUT_MS, () => {
      this.#refuse('nobody registered on the stream in time');
    });
    call.on('data', (info: TaskManagerOutput) => this.#onData(info));
    call.on('end', () => this.#onEnd('its connection was closed'));
    call.on('cancelled', () => this.#onEnd('its connection broke'));
    call.on('close', () => this.#onEnd('its connection was closed'));
    call.on('error', (error: Error) => this.#onEnd(`its connection failed (${error.message})`));
  }

  send(message: JobManagerMessage): void {
    if (this.#closing) return;
    if (this.#outbox >= OUTBOX_MESSAGES_MAX) {
      this.close();
      // Not from within the caller's turn, which may be about this very task manager.
      queueMicrotask(() => this.#onEnd(`it does not read: ${OUTBOX_MESSAGES_MAX} messages wait`));
      return;
    }
    this.#outbox += 1;
    this.#call.write(encodeJobManagerMessage(message), () => {
      this.#outbox -= 1;
    });
  }

  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#call.end();
  }

  #onData(info: TaskManagerOutput): void {
    if (this.#ended) return;
    let message: TaskManagerMessage;
    try {
      message = decodeTaskManagerMessage(info);
    } catch (error) {
      this.#refuse(error instanceof Error ? error.message : String(error));
      return;
    }
    if (this.#taskManagerId !== null) {
      this.#options.controlPlane.handleMessage(this.#taskManagerId, this, message);
      return;
    }
    if (message.kind !== 'register') {
      this.#refuse('the first message of a stream is the registration');
      return;
    }
    this.#cancelRegistrationTimer();
    this.#taskManagerId = message.registration.taskManagerId;
    this.#options.onRegistered();
    if (!this.#options.controlPlane.register(message.registration, this)) this.close();
  }

  #refuse(reason: string): void {
    this.#options.logger.warn(
      { taskManagerId: this.#taskManagerId, peer: this.#call.getPeer() },
      reason,
    );
    const error = new SluiceError('PROTOCOL_VIOLATION', reason, { domain: 'external' });
    this.send({ kind: 'refused', error: serializeError(error) });
    this.close();
    this.#onEnd(reason);
  }

  #onEnd(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancelRegistrationTimer();
    // Ends our half too: the other one may only have ended its own.
    this.close();
    this.#options.controlPlane.connectionClosed(this, reason);
  }
}
