/**
 * The executors of one device and the models that they hold, counted by use. Main thread.
 *
 * A model is loaded on every executor of the device; two loads of the same content with the same
 * options share it. One that nobody uses stays for a while: tasks that restart find it warm. A lost executor is replaced when the next model is loaded; the models that it
 * held are broken for those who use them (their tasks fail and are restarted) and loaded anew.
 */
import type { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { ModelSpec } from '../../shared/model/model-spec.ts';
import type { CancelTimer, Clock } from '../../shared/time/clock.ts';
import { Executor, type LoadCommand } from './executor.ts';
import { BATCH_SIZE_BOUNDS, type QueueLengths, RUN_BOUNDS_MS } from './executor-counters.ts';
import type { LoadOptions } from './inference-client.ts';
import {
  type DeviceStats,
  type ExecutionProvider,
  IDLE_MODELS_MAX,
  type ModelRuns,
} from './inference-options.ts';

export interface DeviceExecutorsOptions {
  readonly device: 'cpu' | 'gpu';
  readonly executionProvider: ExecutionProvider;
  readonly executors: number;
  readonly intraOpThreads: number;
  readonly queueLengths: QueueLengths;
  /** Numbers executors and models, over all devices. */
  readonly nextId: () => number;
  readonly unloadAfterMs: number;
  readonly clock: Clock;
  readonly localPath: (model: ModelSpec) => Promise<string>;
  readonly onLost: (executor: Executor, error: SluiceError) => void;
}

export interface DeviceModel {
  readonly modelId: number;
  readonly executors: readonly Executor[];
  /** What the model takes at a time, from its warm-up. */
  readonly batchSizeMax: number;
}

interface Entry {
  readonly modelId: number;
  readonly key: string;
  readonly executors: readonly Executor[];
  readonly ready: Promise<DeviceModel>;
  users: number;
}

export class DeviceExecutors {
  readonly #options: DeviceExecutorsOptions;
  /** Every executor there ever was: the totals include those that were lost. */
  readonly #all: Executor[] = [];
  readonly #byKey = new Map<string, Entry>();
  readonly #byId = new Map<number, Entry>();
  /** Those that nobody uses, the longest idle first, with what keeps them from being unloaded. */
  readonly #idle = new Map<Entry, CancelTimer>();

  constructor(options: DeviceExecutorsOptions) {
    this.#options = options;
  }

  get executionProvider(): ExecutionProvider {
    return this.#options.executionProvider;
  }

  has(modelId: number): boolean {
    return this.#byId.has(modelId);
  }

  /** Counts one more user, whom `release` must follow; not after a rejection. */
  async load(model: ModelSpec, options: LoadOptions): Promise<DeviceModel> {
    const key = JSON.stringify([model.sha256, model.input, model.output, model.labels, options]);
    const entry = this.#byKey.get(key) ?? this.#start(key, model, options);
    entry.users += 1;
    this.#stopIdling(entry);
    try {
      return await entry.ready;
    } catch (error) {
      this.#forget(entry);
      throw error;
    }
  }

  release(modelId: number): void {
    const entry = this.#byId.get(modelId);
    if (entry === undefined) return;
    entry.users -= 1;
    if (entry.users === 0) this.#idleOrForget(entry);
  }

  stats(): DeviceStats {
    const { device, executionProvider, queueLengths } = this.#options;
    const sum = (read: (executor: Executor) => number) =>
      this.#all.reduce((total, executor) => total + read(executor), 0);
    const running = this.#all.filter((executor) => executor.isRunning);
    return {
      device,
      executionProvider,
      executors: running.length,
      modelsLoaded: this.#byKey.size,
      queued: running.reduce((total, executor) => total + queueLengths.of(executor.id), 0),
      images: sum(({ stats }) => stats.get('images')),
      imagesFailed: sum(({ stats }) => stats.get('imagesFailed')),
      runs: sum(({ stats }) => stats.get('runs')),
      imagesRun: sum(({ stats }) => stats.get('imagesRun')),
      runMs: sum(({ stats }) => stats.get('runMs')),
      normalizeMs: sum(({ stats }) => stats.get('normalizeMs')),
      batchSizes: [...BATCH_SIZE_BOUNDS, Number.POSITIVE_INFINITY].map((sizeMax, place) => ({
        sizeMax,
        runs: sum(({ stats }) => stats.batchSizes()[place] ?? 0),
      })),
      models: this.#modelRuns(),
    };
  }

  #modelRuns(): ModelRuns[] {
    const names = new Set(this.#all.flatMap(({ runStats }) => [...runStats.keys()]));
    return [...names].map((name) => {
      const stats = this.#all.flatMap(({ runStats }) => runStats.get(name) ?? []);
      const counts = stats.map((each) => each.counts());
      return {
        name,
        durations: [...RUN_BOUNDS_MS, Number.POSITIVE_INFINITY].map((durationMaxMs, place) => ({
          durationMaxMs,
          runs: counts.reduce((total, each) => total + (each[place] ?? 0), 0),
        })),
        sumMs: stats.reduce((total, { sumMs }) => total + sumMs, 0),
      };
    });
  }

  async stop(): Promise<void> {
    for (const entry of [...this.#idle.keys()]) this.#stopIdling(entry);
    await Promise.all(this.#all.map((executor) => executor.stop()));
  }

  #start(key: string, model: ModelSpec, options: LoadOptions): Entry {
    const executors = this.#running();
    const modelId = this.#options.nextId();
    const ready = this.#loadOnAll({ modelId, model, options }, executors);
    const entry: Entry = { modelId, key, executors, ready, users: 0 };
    this.#byKey.set(key, entry);
    this.#byId.set(modelId, entry);
    return entry;
  }

  async #loadOnAll(
    command: Omit<LoadCommand, 'path'>,
    executors: readonly Executor[],
  ): Promise<DeviceModel> {
    const path = await this.#options.localPath(command.model);
    const loads = executors.map((executor) => executor.load({ ...command, path }));
    // All are awaited, also after a failure: unloading must not overtake a load.
    const results = await Promise.allSettled(loads);
    const sizes = results.map((result) => {
      if (result.status === 'rejected') throw result.reason;
      return result.value;
    });
    return { modelId: command.modelId, executors, batchSizeMax: Math.min(...sizes) };
  }

  #running(): readonly Executor[] {
    const running = this.#all.filter((executor) => executor.isRunning);
    while (running.length < this.#options.executors) {
      const { executionProvider, intraOpThreads, queueLengths, nextId } = this.#options;
      const executor = new Executor({
        executorId: nextId(),
        executionProvider,
        intraOpThreads,
        queueLengths,
        onLost: (lost, error) => this.#onLost(lost, error),
      });
      this.#all.push(executor);
      running.push(executor);
    }
    return running;
  }

  #onLost(executor: Executor, error: SluiceError): void {
    for (const entry of [...this.#byKey.values()]) {
      // Its users still count it; new ones get a new one.
      if (!entry.executors.includes(executor)) continue;
      this.#byKey.delete(entry.key);
      if (entry.users === 0) this.#forget(entry);
    }
    this.#options.onLost(executor, error);
  }

  #idleOrForget(entry: Entry): void {
    const { unloadAfterMs, clock } = this.#options;
    const isBroken = this.#byKey.get(entry.key) !== entry;
    if (isBroken || unloadAfterMs === 0) {
      this.#forget(entry);
      return;
    }
    this.#idle.set(
      entry,
      clock.setTimer(unloadAfterMs, () => this.#forget(entry)),
    );
    const [longest] = this.#idle.keys();
    if (longest !== undefined && this.#idle.size > IDLE_MODELS_MAX) this.#forget(longest);
  }

  #stopIdling(entry: Entry): void {
    this.#idle.get(entry)?.();
    this.#idle.delete(entry);
  }

  #forget(entry: Entry): void {
    this.#stopIdling(entry);
    if (this.#byKey.get(entry.key) === entry) this.#byKey.delete(entry.key);
    if (!this.#byId.delete(entry.modelId)) return;
    for (const executor of entry.executors) executor.unload(entry.modelId);
  }
}
