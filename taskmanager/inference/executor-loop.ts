/**
 * The loop of an executor thread: takes what slots sent, forms batches, runs them, answers.
 *
 * ```
 *   idle ──message──► scheduled ──► running ──► (more queued?) running
 *    ▲                    │             │
 *    └──── nothing queued ┴─────────────┘        waiting: a timer for a batch worth waiting for
 * ```
 *
 * A run blocks the thread, so messages pile up in the ports meanwhile; after it they are all
 * drained at once (`receiveMessageOnPort`) and counted as old: the next run starts without waiting.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { invariant } from '../../shared/errors/invariant.ts';
import { SluiceError, serializeError } from '../../shared/errors/sluice-error.ts';
import type { CancelTimer, Clock } from '../../shared/time/clock.ts';
import { efficientBatchSize } from './batch-policy.ts';
import type { TopClasses } from './classify.ts';
import type { ExecutorStats, QueueLengths } from './executor-counters.ts';
import type { ExecutionProvider } from './inference-options.ts';
import type { InferOutcome, InferReply, InferRequest } from './messages.ts';
import { ModelQueue, type QueuedRequest } from './model-queue.ts';
import type { ModelSession } from './model-session.ts';

export interface ExecutorLoopOptions {
  readonly executorId: number;
  readonly executionProvider: ExecutionProvider;
  readonly queueLengths: QueueLengths;
  readonly stats: ExecutorStats;
  readonly clock: Clock;
}

export class ExecutorLoop {
  readonly #options: ExecutorLoopOptions;
  readonly #models = new Map<number, ModelQueue>();
  readonly #ports = new Set<MessagePort>();
  #state: 'idle' | 'scheduled' | 'waiting' | 'running' | 'stopped' = 'idle';
  #cancelTimer: CancelTimer | null = null;
  #onStopped: (() => void) | null = null;

  constructor(options: ExecutorLoopOptions) {
    this.#options = options;
  }

  addModel(modelId: number, session: ModelSession, delayMaxMs: number): void {
    const { executionProvider } = this.#options;
    const sizeEfficient = efficientBatchSize(executionProvider, session.batchSizeMax);
    this.#models.set(modelId, new ModelQueue(session, { sizeEfficient, delayMaxMs }));
  }

  removeModel(modelId: number): void {
    const queue = this.#models.get(modelId);
    if (queue === undefined) return;
    this.#models.delete(modelId);
    this.#fail(queue.take(queue.length), cancelled());
  }

  /** Serves a slot. Its images come in, their classes go out on this port. */
  addPort(port: MessagePort): void {
    this.#ports.add(port);
    port.on('message', (request: InferRequest) => {
      this.#enqueue(port, request, this.#options.clock.monotonicMs());
      this.#wake();
    });
    port.on('close', () => this.#removePort(port));
  }

  /** Resolves when no run is active; nothing runs afterwards. */
  async stop(): Promise<void> {
    if (this.#state === 'running') {
      await new Promise<void>((resolve) => {
        this.#onStopped = resolve;
      });
    }
    this.#state = 'stopped';
    this.#cancelTimer?.();
    this.#drain(this.#options.clock.monotonicMs());
    for (const modelId of [...this.#models.keys()]) this.removeModel(modelId);
    for (const port of this.#ports) port.close();
    this.#ports.clear();
  }

  #removePort(port: MessagePort): void {
    this.#ports.delete(port);
    for (const queue of this.#models.values()) {
      const dropped = queue.takeOf(port);
      this.#options.queueLengths.add(this.#options.executorId, -dropped.length);
    }
  }

  #enqueue(port: MessagePort, request: InferRequest, arrivedMs: number): void {
    invariant(typeof request?.modelId === 'number', 'a slot sends images', {});
    const queued = { port, request, arrivedMs };
    const queue = this.#models.get(request.modelId);
    if (queue === undefined) this.#fail([queued], cancelled());
    else queue.push(queued, this.#options.clock.monotonicMs());
  }

  /** Everything that lies in the ports; counted as having arrived at `arrivedMs`. */
  #drain(arrivedMs: number): void {
    for (const port of this.#ports) {
      let received = receiveMessageOnPort(port);
      while (received !== undefined) {
        this.#enqueue(port, received.message as InferRequest, arrivedMs);
        received = receiveMessageOnPort(port);
      }
    }
  }

  /** A later turn of the event loop, so that a burst of messages is seen as a whole. */
  #wake(): void {
    if (this.#state === 'running' || this.#state === 'stopped' || this.#state === 'scheduled') {
      return;
    }
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#state = 'scheduled';
    setImmediate(() => this.#start());
  }

  #start(): void {
    if (this.#state !== 'scheduled') return;
    this.#drain(this.#options.clock.monotonicMs());
    this.#state = 'running';
    // A failure here is a bug: it ends the thread, and the task manager reports the lost executor.
    this.#runAll().catch((error: unknown) => {
      setImmediate(() => {
        throw error;
      });
    });
  }

  async #runAll(): Promise<void> {
    for (;;) {
      if (this.#onStopped !== null) {
        this.#onStopped();
        return;
      }
      const queue = this.#oldestQueue();
      if (queue === null) {
        this.#state = 'idle';
        return;
      }
      const startMs = this.#options.clock.monotonicMs();
      const decision = queue.decide(startMs);
      if (decision.kind === 'wait') {
        this.#state = 'waiting';
        this.#cancelTimer = this.#options.clock.setTimer(decision.delayMs, () => this.#wake());
        return;
      }
      await this.#runBatch(queue, queue.take(decision.size));
      this.#drain(startMs);
    }
  }

  async #runBatch(queue: ModelQueue, batch: readonly QueuedRequest[]): Promise<void> {
    const results = await queue.session.infer(batch.map((queued) => queued.request.tensor));
    this.#answer(batch, (index) => {
      const result = results[index];
      invariant(result !== undefined, 'a result per image', { index });
      return result;
    });
  }

  #fail(batch: readonly QueuedRequest[], error: SluiceError): void {
    this.#answer(batch, () => error);
  }

  /** One message per slot, with all its images of this batch. */
  #answer(
    batch: readonly QueuedRequest[],
    resultOf: (index: number) => TopClasses | SluiceError,
  ): void {
    const { executorId, queueLengths, stats } = this.#options;
    const replies = new Map<MessagePort, { ids: number[]; outcomes: InferOutcome[] }>();
    let failed = 0;
    batch.forEach(({ port, request }, index) => {
      const result = resultOf(index);
      const isError = result instanceof SluiceError;
      if (isError) failed += 1;
      const reply = replies.get(port) ?? { ids: [], outcomes: [] };
      reply.ids.push(request.id);
      reply.outcomes.push(isError ? { error: serializeError(result) } : result);
      replies.set(port, reply);
    });
    queueLengths.add(executorId, -batch.length);
    stats.add('images', batch.length - failed);
    stats.add('imagesFailed', failed);
    for (const [port, reply] of replies) {
      port.postMessage({ ...reply, batchSize: batch.length } satisfies InferReply);
    }
  }

  #oldestQueue(): ModelQueue | null {
    let oldest: ModelQueue | null = null;
    for (const queue of this.#models.values()) {
      if (queue.length > 0 && (oldest === null || queue.oldestMs < oldest.oldestMs)) oldest = queue;
    }
    return oldest;
  }
}

function cancelled(): SluiceError {
  return new SluiceError('CANCELLED', 'The model was unloaded before this image had its turn.', {
    domain: 'external',
  });
}
