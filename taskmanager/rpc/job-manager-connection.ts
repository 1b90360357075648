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
import type { TlsIdentity } from '../../shared/security/tls-identity.ts';
import type { CancelTimer, Clock } from '../../shared/time/clock.ts';
import { reconnectDelayMs } from './backoff.ts';
import { JobManagerLocator } from './job-manager-locator.ts';

export interface JobManagerConnectionOptions {
  /** `host:port`; several with commas are tried in turn. */
  readonly address: string;
  /** Where the lease in the storage says the leader is; null where it says nothing. Never rejects. */
  readonly leaderAddress?: () => Promise<string | null>;
  /** Given: TLS, and the job manager has to be one. */
  readonly identity?: TlsIdentity | null;
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
/** What is said between a registration and its answer; with more the stream is given up. */
const QUEUED_MESSAGES_MAX = 10_000;
/** A standby that does not know who leads: an election is under way. */
const STANDBY_RETRY_MS = 200;
/** One that knows: at once, almost; two that each take the other for the leader must not be asked faster. */
const FOLLOW_MS = 20;

/**
 * The task manager's end of the control plane:
 *
 *   waiting ─► registering ─► registered ─► waiting …       (any of them) ─► closed
 *
 * One stream at a time; when it ends, or the job manager says nothing for too long, the next one is
 * opened after a growing pause, for ever, to whichever job manager leads by then. What is sent while
 * there is no stream is dropped, for the next registration reports all attempts as they are; what is
 * sent after that report waits until it is answered. A job manager with a lower epoch than one that was
 * obeyed before is not obeyed.
 */
export class JobManagerConnection {
  readonly #options: JobManagerConnectionOptions;
  readonly #locator: JobManagerLocator;
  /** The highest that was obeyed. */
  #epoch = 0;
  /** Said since the report in the registration; only while registering. */
  #queued: TaskManagerMessage[] = [];
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
    const { address, leaderAddress } = options;
    this.#locator = new JobManagerLocator({
      addresses: address,
      ...(leaderAddress === undefined ? {} : { leaderAddress }),
    });
  }

  start(): void {
    this.#locate();
  }

  /** While there is no stream: dropped, for the next registration says it. */
  send(message: TaskManagerMessage): void {
    if (this.#state === 'registered') {
      this.#write(message);
    } else if (this.#state === 'registering') {
      this.#queued.push(message);
      if (this.#queued.length > QUEUED_MESSAGES_MAX) {
        this.#disconnected(new Error('it does not answer the registration'));
      }
    }
  }

  /** Says it only where a job manager hears it; false where none does. */
  ask(message: TaskManagerMessage): boolean {
    if (this.#state !== 'registered') return false;
    this.#write(message);
    return true;
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

  #locate(): void {
    const address = this.#locator.next();
    if (typeof address === 'string') {
      this.#connect(address);
      return;
    }
    void address.then((found) => {
      if (this.#state === 'waiting') this.#connect(found);
    });
  }

  #connect(address: string): void {
    this.#state = 'registering';
    this.#queued = [];
    const client = createJobManagerClient(address, this.#options.identity ?? null);
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
    const { logger, handler } = this.#options;
    if (message.epoch < this.#epoch) {
      const reason = `it leads in epoch ${message.epoch}, but ${this.#epoch} was seen`;
      this.#disconnected(new SluiceError('LEADERSHIP_LOST', reason, { domain: 'external' }));
      return;
    }
    this.#epoch = message.epoch;
    this.#state = 'registered';
    this.#attempt = 0;
    this.#timeoutMs = message.heartbeatTimeoutMs;
    this.#expectMessage();
    const { jobManagerId: id, epoch } = message;
    logger.info({ jobManager: this.#locator.current, id, epoch }, 'registered');
    handler.onRegistered();
    for (const queued of this.#queued.splice(0)) this.#write(queued);
    this.#heartbeatAfter(message.heartbeatIntervalMs);
  }

  #refused(error: SluiceError): void {
    if (error.code === 'NOT_LEADER') {
      const isKnown = this.#locator.follow(String(error.context['rpcAddress'] ?? ''));
      this.#disconnected(error, isKnown ? FOLLOW_MS : STANDBY_RETRY_MS);
      return;
    }
    this.#state = 'closed';
    this.#stopTimers();
    this.#closeStream();
    const { logger, handler } = this.#options;
    logger.error(
      { jobManager: this.#locator.current, error: serializeError(error) },
      'registration refused',
    );
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

  #disconnected(cause: unknown, retryMs?: number): void {
    if (this.#state === 'closed') return;
    const { clock, logger, random, handler } = this.#options;
    const address = this.#locator.current;
    const wasRegistered = this.#state === 'registered';
    this.#state = 'waiting';
    this.#stopTimers();
    this.#closeStream();
    const delayMs = retryMs ?? Math.round(reconnectDelayMs(this.#attempt, random));
    const message = wasRegistered ? 'lost the job manager' : 'cannot reach the job manager';
    const error = serializeError(
      toSluiceError(cause ?? 'it ended the stream', 'JOB_MANAGER_LOST', { domain: 'external' }),
    );
    // Once is news, again and again is not.
    const level = this.#attempt === 0 ? 'warn' : 'debug';
    logger[level]({ jobManager: address, error, retryInMs: delayMs }, message);
    this.#attempt += 1;
    this.#cancelRetry = clock.setTimer(delayMs, () => this.#locate());
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
