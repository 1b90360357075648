import type { ClientDuplexStream } from '@grpc/grpc-js';
import type { JobManagerMessage__Output as JobManagerOutput } from '../../proto/generated/sluice/v1/JobManagerMessage.ts';
import type { TaskManagerMessage as TaskManagerInfo } from '../../proto/generated/sluice/v1/TaskManagerMessage.ts';
import {
  deserializeError,
  SluiceError,
  serializeError,
  toSluiceError,
} from '../../shared/errors/sluice-error.ts';
import type { Logger } from '../../shared/observability/logger.ts';
import type { ProcessMetrics, SubtaskMetrics } from '../../shared/observability/subtask-metrics.ts';
import { decodeJobManagerMessage } from '../../shared/rpc/job-manager-codec.ts';
import { createJobManagerClient } from '../../shared/rpc/job-manager-service.ts';
import type {
  JobManagerMessage,
  TaskManagerMessage,
  TaskManagerRegistration,
} from '../../shared/rpc/messages.ts';
import { encodeTaskManagerMessage } from '../../shared/rpc/task-manager-codec.ts';
import type { CancelTimer, Clock } from '../../shared/time/clock.ts';
import { reconnectDelayMs } from './backoff.ts';

export interface JobManagerConnectionOptions {
  /** `host:port` */
  readonly address: string;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly logger: Logger;
  /** Asked anew for every registration. */
  readonly registration: () => TaskManagerRegistration;
  readonly heartbeat: () => {
    readonly subtasks: readonly SubtaskMetrics[];
    readonly process: ProcessMetrics;
  };
  readonly handler: JobManagerHandler;
}

export interface JobManagerHandler {
  /** Commands; what concerns the connection itself does not come here. */
  onMessage(message: JobManagerMessage): void;
  onRegistered(): void;
  /** It was registered, and is no more. The connection tries again by itself. */
  onLost(): void;
  /** The job manager will not have this task manager. The connection has given up. */
  onRefused(error: SluiceError): void;
}

type Stream = ClientDuplexStream<TaskManagerInfo, JobManagerOutput>;

/** Until the job manager says how patient it is. */
const REGISTRATION_TIMEOUT_MS = 10_000;

/**
 * The task manager's end of the control plane:
 *
 *   waiting ─► registering ─► registered ─► waiting …       (any of them) ─► closed
 *
 * One stream at a time; when it ends, or the job manager says nothing for too long, the next one is
 * opened after a growing pause, for ever. What is sent while there is none is dropped: a job manager
 * that lost a task manager has written its tasks off, and learns from the registration what runs.
 */
export class JobManagerConnection {
  readonly #options: JobManagerConnectionOptions;
  #state: 'waiting' | 'registering' | 'registered' | 'closed' = 'waiting';
  #attempt = 0;
  #closeStream: () => void = () => {};
  #stream: Stream | null = null;
  #cancelRetry: CancelTimer = () => {};
  #cancelHeartbeat: CancelTimer = () => {};
  #cancelTimeout: CancelTimer = () => {};
  #timeoutMs = REGISTRATION_TIMEOUT_MS;

  constructor(options: JobManagerConnectionOptions) {
    this.#options = options;
  }

  start(): void {
    this.#connect();
  }

  /** Dropped where there is no registration. */
  send(message: TaskManagerMessage): void {
    if (this.#state === 'registered') this.#write(message);
  }

  /** Says goodbye, and no more; resolves when it has been said, or after `timeoutMs`. */
  async close(reason: string, timeoutMs: number): Promise<void> {
    const stream = this.#stream;
    const wasRegistered = this.#state === 'registered';
    this.#state = 'closed';
    this.#cancelRetry();
    this.#stopTimers();
    if (stream !== null && wasRegistered) {
      await new Promise<void>((resolve) => {
        const cancelTimer = this.#options.clock.setTimer(timeoutMs, resolve);
        const done = (): void => {
          cancelTimer();
          resolve();
        };
        stream.once('end', done);
        stream.once('error', done);
        this.#write({ kind: 'leaving', reason });
        stream.end();
      });
    }
    this.#closeStream();
  }

  #connect(): void {
    this.#state = 'registering';
    const client = createJobManagerClient(this.#options.address);
    const stream: Stream = client.connect();
    this.#stream = stream;
    this.#closeStream = () => {
      this.#stream = null;
      this.#closeStream = () => {};
      stream.cancel();
      client.close();
    };
    stream.on('data', (info: JobManagerOutput) => {
      if (this.#stream === stream) this.#receive(info);
    });
    // Every stream that ends otherwise than asked says so with an error; `end` alone is a goodbye.
    stream.on('error', (error: Error) => {
      if (this.#stream === stream) this.#disconnected(error);
    });
    stream.on('end', () => {
      if (this.#stream === stream) this.#disconnected(null);
    });
    this.#timeoutMs = REGISTRATION_TIMEOUT_MS;
    this.#expectMessage();
    this.#write({ kind: 'register', registration: this.#options.registration() });
  }

  #receive(info: JobManagerOutput): void {
    let message: JobManagerMessage;
    try {
      message = decodeJobManagerMessage(info);
    } catch (error) {
      this.#disconnected(error);
      return;
    }
    this.#expectMessage();
    switch (message.kind) {
      case 'registered':
        this.#registered(message);
        return;
      case 'refused':
        this.#refused(deserializeError(message.error));
        return;
      case 'heartbeat-reply':
        return;
      default:
        this.#options.handler.onMessage(message);
    }
  }

  #registered(message: Extract<JobManagerMessage, { kind: 'registered' }>): void {
    const { logger, address, handler } = this.#options;
    this.#state = 'registered';
    this.#attempt = 0;
    this.#timeoutMs = message.heartbeatTimeoutMs;
    this.#expectMessage();
    logger.info({ jobManager: address, id: message.jobManagerId }, 'registered');
    handler.onRegistered();
    this.#heartbeatAfter(message.heartbeatIntervalMs);
  }

  #refused(error: SluiceError): void {
    this.#state = 'closed';
    this.#stopTimers();
    this.#closeStream();
    const { logger, address, handler } = this.#options;
    logger.error({ jobManager: address, error: serializeError(error) }, 'registration refused');
    handler.onRefused(error);
  }

  #heartbeatAfter(intervalMs: number): void {
    const { clock, heartbeat } = this.#options;
    this.#cancelHeartbeat = clock.setTimer(intervalMs, () => {
      this.#write({ kind: 'heartbeat', sentAtMs: clock.nowMs(), ...heartbeat() });
      this.#heartbeatAfter(intervalMs);
    });
  }

  /** The job manager answers every heartbeat: silence is a failure. */
  #expectMessage(): void {
    this.#cancelTimeout();
    const timeoutMs = this.#timeoutMs;
    this.#cancelTimeout = this.#options.clock.setTimer(timeoutMs, () => {
      const message = `the job manager said nothing for ${timeoutMs} ms`;
      this.#disconnected(new SluiceError('NETWORK_TIMEOUT', message, { domain: 'external' }));
    });
  }

  #disconnected(cause: unknown): void {
    if (this.#state === 'closed') return;
    const { clock, logger, address, random, handler } = this.#options;
    const wasRegistered = this.#state === 'registered';
    this.#state = 'waiting';
    this.#stopTimers();
    this.#closeStream();
    const delayMs = Math.round(reconnectDelayMs(this.#attempt, random));
    const message = wasRegistered ? 'lost the job manager' : 'cannot reach the job manager';
    const error = serializeError(
      toSluiceError(cause ?? 'it ended the stream', 'JOB_MANAGER_LOST', { domain: 'external' }),
    );
    // Once is news, again and again is not.
    const level = this.#attempt === 0 ? 'warn' : 'debug';
    logger[level]({ jobManager: address, error, retryInMs: delayMs }, message);
    this.#attempt += 1;
    this.#cancelRetry = clock.setTimer(delayMs, () => this.#connect());
    if (wasRegistered) handler.onLost();
  }

  #write(message: TaskManagerMessage): void {
    this.#stream?.write(encodeTaskManagerMessage(message));
  }

  #stopTimers(): void {
    this.#cancelHeartbeat();
    this.#cancelTimeout();
  }
}
