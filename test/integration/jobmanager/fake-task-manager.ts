import type { ClientDuplexStream } from '@grpc/grpc-js';
import type { JobManagerMessage__Output as JobManagerOutput } from '../../../proto/generated/sluice/v1/JobManagerMessage.ts';
import type { TaskManagerMessage as TaskManagerInfo } from '../../../proto/generated/sluice/v1/TaskManagerMessage.ts';
import { SLUICE_VERSION } from '../../../shared/config/version.ts';
import type { TaskDeployment } from '../../../shared/job-graph/task-deployment.ts';
import type { SubtaskMetrics } from '../../../shared/observability/subtask-metrics.ts';
import { decodeJobManagerMessage } from '../../../shared/rpc/job-manager-codec.ts';
import { createJobManagerClient } from '../../../shared/rpc/job-manager-service.ts';
import type { JobManagerMessage, TaskManagerMessage } from '../../../shared/rpc/messages.ts';
import { encodeTaskManagerMessage } from '../../../shared/rpc/task-manager-codec.ts';
import { eventually } from '../../support/eventually.ts';

export interface FakeTaskManagerOptions {
  readonly id: string;
  readonly slots?: number;
  readonly device?: 'cpu' | 'gpu';
  readonly version?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** A task manager's end of the control plane over real gRPC; the test decides what its tasks do. */
export class FakeTaskManager {
  readonly id: string;
  readonly received: JobManagerMessage[] = [];
  ended = false;
  readonly #client: ReturnType<typeof createJobManagerClient>;
  readonly #call: ClientDuplexStream<TaskManagerInfo, JobManagerOutput>;

  constructor(address: string, options: FakeTaskManagerOptions) {
    this.id = options.id;
    this.#client = createJobManagerClient(address);
    this.#call = this.#client.connect();
    this.#call.on('data', (info: JobManagerOutput) => {
      this.received.push(decodeJobManagerMessage(info));
    });
    this.#call.on('error', () => {
      this.ended = true;
    });
    this.#call.on('end', () => {
      this.ended = true;
    });
    this.send({
      kind: 'register',
      registration: {
        taskManagerId: options.id,
        version: options.version ?? SLUICE_VERSION,
        dataHost: '127.0.0.1',
        dataPort: 7000,
        metricsAddress: '127.0.0.1:7001',
        slots: Array.from({ length: options.slots ?? 1 }, () => ({
          device: options.device ?? 'cpu',
        })),
        labels: options.labels ?? {},
        executors: 1,
        draining: false,
        runningAttemptIds: [],
        attempts: [],
        hostName: `host-of-${options.id}`,
        processId: 4711,
        cpuCores: 2,
        memoryBytes: 1e9,
      },
    });
  }

  send(message: TaskManagerMessage): void {
    this.#call.write(encodeTaskManagerMessage(message));
  }

  /** Sends what a client of another make could send. */
  sendRaw(info: TaskManagerInfo): void {
    this.#call.write(info);
  }

  state(
    attemptId: string,
    state: Extract<TaskManagerMessage, { kind: 'task-state' }>['state'],
    more: Partial<Extract<TaskManagerMessage, { kind: 'task-state' }>> = {},
  ): void {
    this.send({ kind: 'task-state', attemptId, state, error: null, metrics: null, ...more });
  }

  heartbeat(subtasks: readonly SubtaskMetrics[] = []): void {
    this.send({
      kind: 'heartbeat',
      sentAtMs: 1,
      subtasks,
      process: { rssBytes: 1e8, cpuCoresUsed: 0.5, eventLoopDelayMs: 1 },
    });
  }

  /** The next message of that kind; each is given once. */
  async next<Kind extends JobManagerMessage['kind']>(
    kind: Kind,
  ): Promise<Extract<JobManagerMessage, { kind: Kind }>> {
    const index = await eventually(
      () => {
        const found = this.received.findIndex((message) => message.kind === kind);
        return found < 0 ? null : { found };
      },
      { message: `${this.id} got no ${kind}` },
    );
    const [message] = this.received.splice(index.found, 1);
    return message as Extract<JobManagerMessage, { kind: Kind }>;
  }

  async deployments(count: number): Promise<TaskDeployment[]> {
    const deployments: TaskDeployment[] = [];
    while (deployments.length < count) {
      deployments.push((await this.next('deploy-task')).deployment);
    }
    return deployments;
  }

  /** Breaks the stream, as the end of the process would. */
  kill(): void {
    this.#call.cancel();
    this.#client.close();
  }
}

export function subtaskMetrics(
  attemptId: string,
  operators: readonly {
    readonly operatorId: string;
    readonly recordsIn?: number;
    readonly recordsOut?: number;
    readonly recordsRejected?: number;
    readonly latencies?: readonly number[];
  }[],
  records: { readonly recordsIn?: number; readonly recordsOut?: number } = {},
): SubtaskMetrics {
  return {
    attemptId,
    recordsIn: records.recordsIn ?? 0,
    recordsOut: records.recordsOut ?? 0,
    bytesIn: 0,
    bytesOut: 0,
    recordsRejected: 0,
    busyMs: 600,
    idleMs: 300,
    backPressuredMs: 100,
    buffersInQueued: 2,
    buffersOutQueued: 3,
    creditsIn: 0,
    creditsOut: 0,
    firstRecordAtMs: 0,
    lastRecordAtMs: 0,
    operators: operators.map((operator) => ({
      operatorId: operator.operatorId,
      recordsIn: operator.recordsIn ?? 0,
      recordsOut: operator.recordsOut ?? 0,
      recordsRejected: operator.recordsRejected ?? 0,
      inFlight: 1,
      bytesIn: 0,
      bytesOut: 0,
      stageLatency: { buckets: [], sumMs: 0 },
      endToEndLatency: { buckets: [150, operator.recordsIn ?? 0], sumMs: 1 },
    })),
  };
}
