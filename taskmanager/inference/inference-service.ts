/**
 * Inference of a task manager: executor threads, the models in them, and the channels between them
 * and the slots. Runs in the main thread and handles loading only; images never pass through here.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { SluiceError, serializeError } from '../../shared/errors/sluice-error.ts';
import { DeviceExecutors, type DeviceModel } from './device-executors.ts';
import type { Executor } from './executor.ts';
import { QueueLengths } from './executor-counters.ts';
import type {
  DeviceStats,
  InferenceServiceFace,
  InferenceServiceOptions,
} from './inference-options.ts';
import type { SlotReply, SlotRequest } from './messages.ts';
import { ModelFiles } from './model-files.ts';

type Device = DeviceStats['device'];
type LoadRequest = Extract<SlotRequest, { kind: 'load' }>;

/** A GPU runs one batch at a time; the second executor prepares the next one meanwhile. */
const GPU_EXECUTORS = 2;

interface Slot {
  readonly port: MessagePort;
  /** Ids of the executors that it has a channel to. */
  readonly connected: Set<number>;
  /** How often it loaded each model and did not release it. */
  readonly models: Map<number, number>;
  open: boolean;
}

export class InferenceService implements InferenceServiceFace {
  readonly #options: InferenceServiceOptions;
  readonly #files: ModelFiles;
  readonly #queueLengths = new QueueLengths();
  readonly #devices = new Map<Device, DeviceExecutors>();
  /** By the end of the channel that the slot got. */
  readonly #slots = new Map<MessagePort, Slot>();
  #lastId = 0;
  #stopping: Promise<void> | null = null;

  private constructor(options: InferenceServiceOptions) {
    this.#options = options;
    this.#files = new ModelFiles(options.modelCacheDirectory, options.fileSystems);
  }

  /** Starts no thread yet: executors start with the first model. */
  static async start(options: InferenceServiceOptions): Promise<InferenceService> {
    return new InferenceService(options);
  }

  connectSlot(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    const slot: Slot = { port: port1, connected: new Set(), models: new Map(), open: true };
    this.#slots.set(port2, slot);
    port1.on('message', (request: SlotRequest) => this.#onRequest(slot, request));
    port1.on('close', () => this.disconnectSlot(port2));
    return port2;
  }

  disconnectSlot(port: MessagePort): void {
    const slot = this.#slots.get(port);
    if (slot === undefined) return;
    this.#slots.delete(port);
    slot.open = false;
    slot.port.close();
    for (const [modelId, count] of slot.models) {
      for (let use = 0; use < count; use += 1) this.#release(modelId);
    }
  }

  stats(): readonly DeviceStats[] {
    return [...this.#devices.values()].map((device) => device.stats());
  }

  async stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    await Promise.all([...this.#devices.values()].map((device) => device.stop()));
    // Closed last, so that what the slots still waited for was answered.
    for (const port of [...this.#slots.keys()]) this.disconnectSlot(port);
  }

  #onRequest(slot: Slot, request: SlotRequest): void {
    switch (request.kind) {
      case 'load':
        this.#load(slot, request).catch((error: unknown) => {
          const { requestId } = request;
          this.#reply(slot, { kind: 'load-failed', requestId, error: serializeError(error) });
        });
        return;
      case 'release': {
        const count = slot.models.get(request.modelId) ?? 0;
        if (count === 0) return;
        if (count === 1) slot.models.delete(request.modelId);
        else slot.models.set(request.modelId, count - 1);
        this.#release(request.modelId);
        return;
      }
      default:
        request satisfies never;
    }
  }

  async #load(slot: Slot, request: LoadRequest): Promise<void> {
    if (this.#stopping !== null) {
      throw new SluiceError('CANCELLED', 'The task manager is stopping its inference.', {
        domain: 'external',
      });
    }
    const device = this.#device(request.options.device);
    const loaded = await device.load(request.model, request.options);
    if (!slot.open) {
      device.release(loaded.modelId);
      return;
    }
    if (!loaded.executors.every((executor) => executor.isRunning)) {
      device.release(loaded.modelId);
      throw new SluiceError('TASK_FAILED', 'An inference executor ended while it loaded.', {
        domain: 'internal',
        retry: 'restart-job',
      });
    }
    slot.models.set(loaded.modelId, (slot.models.get(loaded.modelId) ?? 0) + 1);
    for (const executor of loaded.executors) this.#connect(slot, executor);
    this.#reply(slot, {
      kind: 'loaded',
      requestId: request.requestId,
      modelId: loaded.modelId,
      executorIds: loaded.executors.map((executor) => executor.id),
      executionProvider: device.executionProvider,
      concurrencySuggested: this.#concurrencySuggested(device, loaded),
    });
  }

  /**
   * Twice what the executors run at a time: while they run, the next batches queue in full. The
   * slots of this task manager share that, but none has less than half a batch.
   *
   * Measured with 2 executors, batches of 8 and 32 in flight against two threads that normalise and
   * run without any engine (alternating, medians): 0.98 to 0.995 of their images/s for MobileNetV2
   * uint8, 0.97 to 0.99 for ResNet-18 int8; CPU time per image is 2 to 3 % and 1 to 2 % more.
   * Fewer in flight give up to 3 % less. The slot's thread spends 0.03 ms an image.
   */
  #concurrencySuggested(device: DeviceExecutors, loaded: DeviceModel): number {
    const { batchSizeMax, executors } = loaded;
    // On a CPU that takes one image at a time, a few in the queue cover the way there and back.
    const batch = Math.max(batchSizeMax, device.executionProvider === 'cpu' ? 4 : 1);
    const share = Math.ceil((executors.length * batch * 2) / Math.max(1, this.#slots.size));
    return Math.max(4, Math.ceil(batch / 2), share);
  }

  #connect(slot: Slot, executor: Executor): void {
    if (slot.connected.has(executor.id) || !executor.isRunning) return;
    slot.connected.add(executor.id);
    const { port1, port2 } = new MessageChannel();
    executor.connect(port1);
    this.#reply(
      slot,
      {
        kind: 'connect',
        executorId: executor.id,
        port: port2,
        queueLengths: this.#queueLengths.buffer,
      },
      [port2],
    );
  }

  #device(device: Device): DeviceExecutors {
    const present = this.#devices.get(device);
    if (present !== undefined) return present;
    const { executors, intraOpThreads, gpuExecutionProvider } = this.#options;
    const executionProvider = device === 'cpu' ? 'cpu' : gpuExecutionProvider;
    const created = new DeviceExecutors({
      device,
      executionProvider,
      executors: executionProvider === 'cpu' ? executors : GPU_EXECUTORS,
      intraOpThreads,
      queueLengths: this.#queueLengths,
      nextId: () => {
        this.#lastId += 1;
        return this.#lastId;
      },
      unloadAfterMs: this.#options.unloadAfterMs,
      clock: this.#options.clock,
      localPath: (model) => this.#files.localPath(model),
      onLost: (executor, error) => this.#onLost(executor, error),
    });
    this.#devices.set(device, created);
    return created;
  }

  #onLost(executor: Executor, error: SluiceError): void {
    for (const slot of this.#slots.values()) {
      if (!slot.connected.delete(executor.id)) continue;
      this.#reply(slot, {
        kind: 'executor-lost',
        executorId: executor.id,
        error: serializeError(error),
      });
    }
  }

  #release(modelId: number): void {
    for (const device of this.#devices.values()) device.release(modelId);
  }

  #reply(slot: Slot, reply: SlotReply, transfer: MessagePort[] = []): void {
    if (slot.open) slot.port.postMessage(reply, transfer);
  }
}
