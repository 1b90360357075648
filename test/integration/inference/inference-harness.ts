/** A real inference service with real executor threads, and the small models that tests need. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { MessagePort } from 'node:worker_threads';
import { FileSystemRegistry } from '../../../shared/filesystem/filesystem-registry.ts';
import type { ModelSpec } from '../../../shared/model/model-spec.ts';
import { type ModelOptions, resolveModel } from '../../../shared/model/resolve-model.ts';
import type { ImageTensor } from '../../../shared/record/image-tensor.ts';
import { systemClock } from '../../../shared/time/system-clock.ts';
import type { InferenceServiceOptions } from '../../../taskmanager/inference/inference-options.ts';
import { InferenceService } from '../../../taskmanager/inference/inference-service.ts';
import { SlotInferenceClient } from '../../../taskmanager/inference/slot-inference-client.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

export const LOAD_OPTIONS = {
  device: 'cpu',
  topK: 3,
  batchSizeMax: 8,
  batchDelayMaxMs: 5,
} as const;

/** Pixels as they are: an image of the value p means p to the model. */
export const RAW_PIXELS = { scale: 1, mean: [0], std: [1] };

export interface Harness {
  readonly service: InferenceService;
  readonly folder: string;
  readonly fileSystems: FileSystemRegistry;
  /** A slot: its client, and the port by which the service knows it. */
  connect(): { readonly client: SlotInferenceClient; readonly port: MessagePort };
  /** Writes the file into the test's folder and resolves it. */
  model(file: Uint8Array, options?: Partial<ModelOptions>): Promise<ModelSpec>;
}

export async function startInference(
  context: TestContext,
  options: Partial<InferenceServiceOptions> = {},
): Promise<Harness> {
  const folder = temporaryFolder(context);
  const fileSystems = new FileSystemRegistry({}, { clock: systemClock });
  const service = await InferenceService.start({
    executors: 2,
    intraOpThreads: 1,
    gpuExecutionProvider: 'cpu',
    modelCacheDirectory: join(folder, 'cache'),
    unloadAfterMs: 0,
    fileSystems,
    clock: systemClock,
    ...options,
  });
  const clients: SlotInferenceClient[] = [];
  context.after(async () => {
    for (const client of clients) client.close();
    await service.stop();
    await fileSystems.close();
  });
  let models = 0;
  return {
    service,
    folder,
    fileSystems,
    connect() {
      const port = service.connectSlot();
      const client = new SlotInferenceClient(port, systemClock);
      clients.push(client);
      return { client, port };
    },
    async model(file, modelOptions = {}) {
      models += 1;
      const path = join(folder, `model-${models}.onnx`);
      writeFileSync(path, file);
      const onnx = { model: `file://${path}`, preprocessing: RAW_PIXELS, ...modelOptions };
      return (await resolveModel({ onnx, fileSystems })).model;
    },
  };
}

/** An image filled with one value, prepared for the model. */
export function imageOf(value: number, model: ModelSpec): ImageTensor {
  const { cropHeight: height, cropWidth: width, color, ...rest } = model.preprocessing;
  const { scale, mean, std, layout, type } = rest;
  const { channels } = model.input;
  return {
    data: new Uint8Array(height * width * channels).fill(value),
    height,
    width,
    channels,
    color,
    normalization: { scale, mean, std, layout, type },
  };
}
