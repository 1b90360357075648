/**
 * An executor thread as the main thread sees it.
 *
 * ```
 *   running ──stop()──► stopping ──`stopped`──► ended
 *      └──────── the thread ends by itself ───► lost
 * ```
 */
import { type MessagePort, Worker } from 'node:worker_threads';
import { deserializeError, SluiceError } from '../../shared/errors/sluice-error.ts';
import type { ModelSpec } from '../../shared/model/model-spec.ts';
import { ExecutorStats, ModelRunStats, type QueueLengths } from './executor-counters.ts';
import type { LoadOptions } from './inference-client.ts';
import type { ExecutionProvider } from './inference-options.ts';
import type { ExecutorData, ExecutorReply, ExecutorRequest } from './messages.ts';

/** Models whose runs are counted apart; those beyond are counted together. */
const MODELS_COUNTED_MAX = 50;
const OTHER_MODELS = 'other models';

export interface ExecutorOptions {
  readonly executorId: number;
  readonly executionProvider: ExecutionProvider;
  readonly intraOpThreads: number;
  readonly queueLengths: QueueLengths;
  /** Called once when the thread ended without having been asked to. */
  readonly onLost: (executor: Executor, error: SluiceError) => void;
}

export interface LoadCommand {
  readonly modelId: number;
  readonly path: string;
  readonly model: ModelSpec;
  readonly options: LoadOptions;
}

interface PendingLoad {
  readonly resolve: (batchSizeMax: number) => void;
  readonly reject: (error: SluiceError) => void;
}

export class Executor {
  readonly id: number;
  readonly stats = new ExecutorStats();
  /** By the model's name; those that were unloaded stay counted. */
  readonly #runStats = new Map<string, ModelRunStats>();
  readonly #options: ExecutorOptions;
  readonly #worker: Worker;
  readonly #loads = new Map<number, PendingLoad>();
  readonly #exited: Promise<void>;
  #state: 'running' | 'stopping' | 'ended' | 'lost' = 'running';
  #crash: unknown = null;

  constructor(options: ExecutorOptions) {
    this.id = options.executorId;
    this.#options = options;
    const { executorId, executionProvider, intraOpThreads, queueLengths } = options;
    queueLengths.reset(executorId);
    const workerData: ExecutorData = {
      executorId,
      executionProvider,
      intraOpThreads,
      queueLengths: queueLengths.buffer,
      stats: this.stats.buffer,
    };
    // The extension of this very file: `.ts` in the sources, `.js` when compiled.
    const entry = `./executor-thread${import.meta.url.slice(-3)}`;
    this.#worker = new Worker(new URL(entry, import.meta.url), {
      workerData,
      name: `inference-${executorId}`,
    });
    this.#worker.on('message', (reply: ExecutorReply) => this.#onReply(reply));
    this.#worker.on('error', (error) => {
      this.#crash = error;
    });
    this.#exited = new Promise((resolve) => {
      this.#worker.on('exit', (code) => {
        this.#onExit(code);
        resolve();
      });
    });
  }

  get isRunning(): boolean {
    return this.#state === 'running';
  }

  /** Gives the slot's end of the channel to the executor. */
  connect(port: MessagePort): void {
    this.#post({ kind: 'connect', port }, [port]);
  }

  /** Resolves with the batch size that the model takes, after its warm-up. */
  async load(command: LoadCommand): Promise<number> {
    if (!this.isRunning) throw stopped();
    return new Promise((resolve, reject) => {
      this.#loads.set(command.modelId, { resolve, reject });
      this.#post({ kind: 'load', ...command, runStats: this.#runStatsOf(command.model.name) });
    });
  }

  unload(modelId: number): void {
    if (this.isRunning) this.#post({ kind: 'unload', modelId });
  }

  /** Resolves when the thread is gone; waits for a run to return, never cuts it off. */
  async stop(): Promise<void> {
    if (this.#state === 'running') {
      this.#state = 'stopping';
      this.#post({ kind: 'stop' });
    }
    await this.#exited;
  }

  get runStats(): ReadonlyMap<string, ModelRunStats> {
    return this.#runStats;
  }

  #runStatsOf(model: string): SharedArrayBuffer {
    const isFull = this.#runStats.size >= MODELS_COUNTED_MAX;
    const name = isFull && !this.#runStats.has(model) ? OTHER_MODELS : model;
    const stats = this.#runStats.get(name) ?? new ModelRunStats();
    this.#runStats.set(name, stats);
    return stats.buffer;
  }

  #post(request: ExecutorRequest, transfer: MessagePort[] = []): void {
    this.#worker.postMessage(request, transfer);
  }

  #onReply(reply: ExecutorReply): void {
    switch (reply.kind) {
      case 'loaded':
        this.#takeLoad(reply.modelId)?.resolve(reply.batchSizeMax);
        return;
      case 'load-failed':
        this.#takeLoad(reply.modelId)?.reject(deserializeError(reply.error));
        return;
      case 'stopped':
        this.#state = 'ended';
        void this.#worker.terminate();
        return;
      default:
        reply satisfies never;
    }
  }

  #takeLoad(modelId: number): PendingLoad | undefined {
    const load = this.#loads.get(modelId);
    this.#loads.delete(modelId);
    return load;
  }

  #onExit(code: number): void {
    const isLost = this.#state === 'running' || this.#state === 'stopping';
    const error = isLost ? lost(this.id, code, this.#crash) : stopped();
    for (const load of this.#loads.values()) load.reject(error);
    this.#loads.clear();
    const wasRunning = this.#state === 'running';
    if (isLost) this.#state = 'lost';
    if (wasRunning) this.#options.onLost(this, error);
  }
}

function lost(id: number, code: number, cause: unknown): SluiceError {
  const reason = cause instanceof Error ? cause.message : `exit code ${code}`;
  return new SluiceError('TASK_FAILED', `Inference executor ${id} ended: ${reason}.`, {
    domain: 'internal',
    retry: 'restart-job',
    ...(cause === null ? {} : { cause }),
  });
}

function stopped(): SluiceError {
  return new SluiceError('CANCELLED', 'The task manager is stopping its inference.', {
    domain: 'external',
  });
}
