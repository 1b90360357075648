/** Worker of the raw loop: takes what queued, normalises, runs the model, answers with the class. */
import {
  type MessagePort,
  parentPort,
  receiveMessageOnPort,
  workerData,
} from 'node:worker_threads';
import { InferenceSession, Tensor } from 'onnxruntime-node';

export interface RawModel {
  readonly file: string;
  readonly input: string;
  readonly output: string;
  readonly crop: number;
  readonly scale: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly batchMax: number;
}

interface Request {
  readonly id: number;
  readonly pixels: Uint8Array;
}

const model = workerData as RawModel;
const port = parentPort as unknown as MessagePort;
const tables = model.mean.map((mean, channel) =>
  Float32Array.from({ length: 256 }, (_, pixel) => {
    return (pixel / model.scale - mean) / (model.std[channel] ?? 1);
  }),
);
const plane = model.crop * model.crop;
const session = await InferenceSession.create(model.file, {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
});
const batches = new Map<number, Float32Array>();
await runBatch([{ id: -1, pixels: new Uint8Array(plane * 3) }]);
port.postMessage({ kind: 'ready' });

let queue: Request[] = [];
let isRunning = false;
port.on('message', (request: Request | 'stop') => {
  if (request === 'stop') {
    // Terminating a thread that holds a session can bring the whole process down.
    session.release().finally(() => port.close());
    return;
  }
  queue.push(request);
  if (!isRunning) drain().catch((error: unknown) => setImmediate(() => Promise.reject(error)));
});

async function drain(): Promise<void> {
  isRunning = true;
  while (queue.length > 0) {
    for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port)) {
      queue.push(next.message);
    }
    const batch = queue.slice(0, model.batchMax);
    queue = queue.slice(model.batchMax);
    port.postMessage({ kind: 'done', results: await runBatch(batch) });
  }
  isRunning = false;
}

async function runBatch(batch: readonly Request[]): Promise<[number, number][]> {
  const size = batch.length;
  let data = batches.get(size);
  if (data === undefined) {
    data = new Float32Array(size * 3 * plane);
    batches.set(size, data);
  }
  batch.forEach(({ pixels }, index) => {
    normalize(pixels, data, index * 3 * plane);
  });
  const input = new Tensor('float32', data, [size, 3, model.crop, model.crop]);
  const outputs = await session.run({ [model.input]: input });
  const scores = outputs[model.output]?.data as Float32Array;
  const classes = scores.length / size;
  return batch.map(({ id }, index) => {
    let best = index * classes;
    for (let at = best; at < (index + 1) * classes; at += 1) {
      if ((scores[at] ?? 0) > (scores[best] ?? 0)) best = at;
    }
    return [id, best - index * classes];
  });
}

function normalize(pixels: Uint8Array, target: Float32Array, offset: number): void {
  const [red, green, blue] = tables as [Float32Array, Float32Array, Float32Array];
  for (let pixel = 0, at = 0; pixel < plane; pixel += 1, at += 3) {
    target[offset + pixel] = red[pixels[at] as number] as number;
    target[offset + plane + pixel] = green[pixels[at + 1] as number] as number;
    target[offset + 2 * plane + pixel] = blue[pixels[at + 2] as number] as number;
  }
}
