/**
 * Inference in a slot's thread: sends each image to the executor with the shortest queue, and hands
 * its classes back. All calls and callbacks belong to this thread.
 */
import type { MessagePort } from 'node:worker_threads';
import { invariant } from '../../shared/errors/invariant.ts';
import { deserializeError, SluiceError } from '../../shared/errors/sluice-error.ts';
import type { ModelSpec } from '../../shared/model/model-spec.ts';
import type { ImageTensor } from '../../shared/record/image-tensor.ts';
import type { Clock } from '../../shared/time/clock.ts';
import { ExecutorChannel } from './executor-channel.ts';
import { QueueLengths } from './executor-counters.ts';
import type {
  Classification,
  InferenceClient,
  LoadedModel,
  LoadOptions,
} from './inference-client.ts';
import type { SlotReply, SlotRequest } from './messages.ts';

/** Images of one slot in flight, over all its models; operators stay below with `concurrency`. */
const IN_FLIGHT_MAX = 16_384;

type LoadedReply = Extract<SlotReply, { kind: 'loaded' }>;

interface PendingLoad {
  readonly resolve: (model: LoadedModel) => void;
  readonly reject: (error: SluiceError) => void;
}

export class SlotInferenceClient implements InferenceClient {
  readonly #port: MessagePort;
  readonly #clock: Clock;
  readonly #channels = new Map<number, ExecutorChannel>();
  readonly #loads = new Map<number, PendingLoad>();
  #lastRequestId = 0;
  #isClosed = false;

  /** `port` is what `InferenceService.connectSlot` gave in the main thread. */
  constructor(port: MessagePort, clock: Clock) {
    this.#port = port;
    this.#clock = clock;
    port.on('message', (reply: SlotReply) => this.#onReply(reply));
    port.on('close', () => this.close());
    // Alone, it keeps no thread alive; a load or an image in flight does.
    port.unref();
  }

  async load(model: ModelSpec, options: LoadOptions): Promise<LoadedModel> {
    if (this.#isClosed) throw closed();
    this.#lastRequestId += 1;
    const requestId = this.#lastRequestId;
    this.#port.ref();
    try {
      return await new Promise((resolve, reject) => {
        this.#loads.set(requestId, { resolve, reject });
        this.#post({ kind: 'load', requestId, model, options });
      });
    } finally {
      if (this.#loads.size === 0) this.#port.unref();
    }
  }

  /** Rejects what is in flight and gives everything back. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const load of this.#loads.values()) load.reject(closed());
    this.#loads.clear();
    for (const channel of this.#channels.values()) channel.close(closed());
    this.#port.close();
  }

  #onReply(reply: SlotReply): void {
    switch (reply.kind) {
      case 'connect': {
        const { executorId, port } = reply;
        const queueLengths = new QueueLengths(reply.queueLengths);
        const channel = new ExecutorChannel({ executorId, port, queueLengths, clock: this.#clock });
        this.#channels.set(executorId, channel);
        return;
      }
      case 'loaded':
        this.#takeLoad(reply.requestId)?.resolve(this.#loadedModel(reply));
        return;
      case 'load-failed':
        this.#takeLoad(reply.requestId)?.reject(deserializeError(reply.error));
        return;
      case 'executor-lost':
        this.#channels.get(reply.executorId)?.close(deserializeError(reply.error));
        this.#channels.delete(reply.executorId);
        return;
      default:
        reply satisfies never;
    }
  }

  #takeLoad(requestId: number): PendingLoad | undefined {
    const load = this.#loads.get(requestId);
    this.#loads.delete(requestId);
    return load;
  }

  #loadedModel(reply: LoadedReply): LoadedModel {
    const { modelId, executorIds, executionProvider, concurrencySuggested } = reply;
    const channels = executorIds.map((id) => this.#channels.get(id)).filter((c) => c !== undefined);
    let isReleased = false;
    return {
      executionProvider,
      concurrencySuggested,
      infer: async (tensor: ImageTensor): Promise<Classification> => {
        invariant(!isReleased, 'a released model takes no images', { modelId });
        return this.#infer(modelId, channels, tensor);
      },
      release: async (): Promise<void> => {
        if (isReleased) return;
        isReleased = true;
        if (!this.#isClosed) this.#post({ kind: 'release', modelId });
      },
    };
  }

  #infer(
    modelId: number,
    channels: readonly ExecutorChannel[],
    tensor: ImageTensor,
  ): Promise<Classification> {
    let inFlight = 0;
    let best: ExecutorChannel | undefined;
    let shortest = Number.POSITIVE_INFINITY;
    for (const channel of channels) {
      inFlight += channel.inFlight;
      // A model that lost one of its executors is broken: the task is to be restarted.
      if (channel.closedBy !== null) throw channel.closedBy;
      const length = channel.queueLength;
      if (length < shortest) {
        shortest = length;
        best = channel;
      }
    }
    if (best === undefined) throw closed();
    invariant(inFlight < IN_FLIGHT_MAX, 'a slot bounds what it has in flight', { inFlight });
    return best.infer(modelId, tensor);
  }

  #post(request: SlotRequest): void {
    this.#port.postMessage(request);
  }
}

function closed(): SluiceError {
  return new SluiceError('CANCELLED', 'The inference of this slot is closed.', {
    domain: 'external',
  });
}
