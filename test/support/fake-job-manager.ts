/** A job manager over real gRPC that does what the test says and remembers what it hears. */
import {
  type handleBidiStreamingCall,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
} from '@grpc/grpc-js';
import type { JobManagerMessage as JobManagerInfo } from '../../proto/generated/sluice/v1/JobManagerMessage.ts';
import type { TaskManagerMessage__Output as TaskManagerOutput } from '../../proto/generated/sluice/v1/TaskManagerMessage.ts';
import { encodeJobManagerMessage } from '../../shared/rpc/job-manager-codec.ts';
import { jobManagerServiceDefinition } from '../../shared/rpc/job-manager-service.ts';
import type {
  JobManagerMessage,
  TaskManagerMessage,
  TaskManagerRegistration,
} from '../../shared/rpc/messages.ts';
import { decodeTaskManagerMessage } from '../../shared/rpc/task-manager-codec.ts';

type Call = ServerDuplexStream<TaskManagerOutput, JobManagerInfo>;
type Heard<Kind> = Extract<TaskManagerMessage, { kind: Kind }>;

export interface FakeJobManagerOptions {
  readonly port?: number;
  readonly epoch?: number;
  readonly heartbeatIntervalMs?: number;
  readonly heartbeatTimeoutMs?: number;
  /** What a registration is answered with; default: `registered`. */
  readonly answer?: (registration: TaskManagerRegistration) => JobManagerMessage;
  /** False: heartbeats get no answer. */
  readonly answersHeartbeats?: boolean;
  /** Answers requests for splits; false: nobody does. */
  readonly splits?: (attemptId: string, count: number) => readonly unknown[];
}

export class FakeJobManager {
  readonly heard: TaskManagerMessage[] = [];
  readonly #options: FakeJobManagerOptions;
  readonly #server = new Server();
  readonly #calls = new Map<string, Call>();
  address = '';

  private constructor(options: FakeJobManagerOptions) {
    this.#options = options;
  }

  static async start(options: FakeJobManagerOptions = {}): Promise<FakeJobManager> {
    const jobManager = new FakeJobManager(options);
    await jobManager.#listen();
    return jobManager;
  }

  all<Kind extends TaskManagerMessage['kind']>(kind: Kind): Heard<Kind>[] {
    return this.heard.filter((message): message is Heard<Kind> => message.kind === kind);
  }

  /** The states that were reported for an attempt, in order. */
  states(attemptId: string): string[] {
    return this.all('task-state')
      .filter((message) => message.attemptId === attemptId)
      .map(({ state }) => state);
  }

  send(taskManagerId: string, message: JobManagerMessage): void {
    const call = this.#calls.get(taskManagerId);
    if (call === undefined) throw new Error(`${taskManagerId} is not registered`);
    call.write(encodeJobManagerMessage(message));
  }

  /** Ends the streams, as a job manager that dies does. */
  stop(): void {
    this.#server.forceShutdown();
  }

  async #listen(): Promise<void> {
    const connect: handleBidiStreamingCall<TaskManagerOutput, JobManagerInfo> = (call: Call) => {
      let id = '';
      call.on('data', (info: TaskManagerOutput) => {
        const message = decodeTaskManagerMessage(info);
        this.heard.push(message);
        if (message.kind === 'register') id = message.registration.taskManagerId;
        this.#answer(call, id, message);
      });
      call.on('end', () => call.end());
      call.on('error', () => {});
    };
    this.#server.addService(jobManagerServiceDefinition(), { Connect: connect });
    const port = await new Promise<number>((resolve, reject) => {
      const address = `127.0.0.1:${this.#options.port ?? 0}`;
      this.#server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => {
        if (error === null) resolve(bound);
        else reject(error);
      });
    });
    this.address = `127.0.0.1:${port}`;
  }

  #answer(call: Call, id: string, message: TaskManagerMessage): void {
    const { answer, answersHeartbeats = true, splits } = this.#options;
    const write = (reply: JobManagerMessage): void => {
      call.write(encodeJobManagerMessage(reply));
    };
    if (message.kind === 'register') {
      this.#calls.set(id, call);
      const { heartbeatIntervalMs = 100, heartbeatTimeoutMs = 2_000 } = this.#options;
      const welcome: JobManagerMessage = {
        kind: 'registered',
        jobManagerId: 'fake',
        epoch: this.#options.epoch ?? 0,
        heartbeatIntervalMs,
        heartbeatTimeoutMs,
      };
      const reply = answer?.(message.registration) ?? welcome;
      write(reply);
      if (reply.kind === 'refused') call.end();
    } else if (message.kind === 'heartbeat' && answersHeartbeats) {
      write({ kind: 'heartbeat-reply', sentAtMs: message.sentAtMs });
    } else if (message.kind === 'split-request' && splits !== undefined) {
      const { attemptId, count } = message;
      const given = splits(attemptId, count);
      if (given.length > 0) write({ kind: 'assign-splits', attemptId, splits: given });
      if (given.length < count) write({ kind: 'no-more-splits', attemptId });
    }
  }
}
