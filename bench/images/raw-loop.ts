/**
 * The yardstick: the same work as the engine's image job, by hand, with no engine: sharp decodes and
 * resizes on libuv's threads, two workers run the model on what queued. Started as a process of its
 * own by `bench/images.ts`; prints one JSON line.
 *
 *   echo '{"files": [...], "model": {...}, "inFlight": 24, "decoding": 8}' | node bench/images/raw-loop.ts
 */
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { Worker } from 'node:worker_threads';
import sharp from 'sharp';
import type { RawModel } from './raw-executor.ts';

interface RawLoopOptions {
  readonly files: readonly string[];
  readonly model: RawModel;
  readonly resize: number;
  readonly executors: number;
  readonly decoding: number;
  readonly inFlight: number;
}

type ExecutorMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly results: readonly [number, number][] };

// Not as an argument: ONNX Runtime overflows its stack where the command line is long.
const options = JSON.parse(readFileSync(0, 'utf8')) as RawLoopOptions;
sharp.concurrency(1);
sharp.cache(false);

const executors = await Promise.all(
  Array.from({ length: options.executors }, async () => {
    const worker = new Worker(new URL('./raw-executor.ts', import.meta.url), {
      workerData: options.model,
    });
    await new Promise<void>((resolve, reject) => {
      worker.once('message', () => resolve());
      worker.once('error', reject);
    });
    return { worker, queued: 0 };
  }),
);

const { files } = options;
const startedAt = new Float64Array(files.length);
const latenciesMs: number[] = [];
let next = 0;
let decoding = 0;
let inFlight = 0;
let done = 0;
const finished = Promise.withResolvers<void>();

for (const executor of executors) {
  executor.worker.on('message', (message: ExecutorMessage) => {
    if (message.kind !== 'done') return;
    const now = performance.now();
    for (const [id] of message.results) latenciesMs.push(now - (startedAt[id] ?? now));
    executor.queued -= message.results.length;
    inFlight -= message.results.length;
    done += message.results.length;
    if (done === files.length) finished.resolve();
    else pump();
  });
}

const cpuBefore = process.cpuUsage();
const beganAt = performance.now();
pump();
await finished.promise;
const elapsedMs = performance.now() - beganAt;
const cpu = process.cpuUsage(cpuBefore);
for (const { worker } of executors) {
  const exited = new Promise((resolve) => worker.once('exit', resolve));
  worker.postMessage('stop');
  await exited;
}

latenciesMs.sort((a, b) => a - b);
process.stdout.write(
  `${JSON.stringify({
    images: files.length,
    elapsedMs,
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    memoryPeakBytes: process.resourceUsage().maxRSS * 1024,
    latencyP50Ms: latenciesMs[Math.floor(latenciesMs.length * 0.5)],
    latencyP99Ms: latenciesMs[Math.floor(latenciesMs.length * 0.99)],
  })}\n`,
);

function pump(): void {
  while (next < files.length && decoding < options.decoding && inFlight < options.inFlight) {
    const id = next;
    next += 1;
    decoding += 1;
    inFlight += 1;
    startedAt[id] = performance.now();
    decode(files[id] ?? '')
      .then((pixels) => {
        decoding -= 1;
        const executor = executors.reduce((a, b) => (b.queued < a.queued ? b : a));
        executor.queued += 1;
        executor.worker.postMessage({ id, pixels }, [pixels.buffer as ArrayBuffer]);
        pump();
      })
      .catch(finished.reject);
  }
}

/** Orientation, colour profiles, greyscale and alpha are respected, as the engine does. */
async function decode(file: string): Promise<Uint8Array> {
  const { resize, model } = options;
  const margin = Math.round((resize - model.crop) / 2);
  const { data, info } = await sharp(file, { failOn: 'error', sequentialRead: true })
    .rotate()
    .toColourspace('srgb')
    .removeAlpha()
    // A square of the shorter side holds the centre crop: less to resize than the whole image.
    .resize({ width: resize, height: resize, fit: 'cover', kernel: 'linear' })
    .extract({ left: margin, top: margin, width: model.crop, height: model.crop })
    .raw()
    .toBuffer({ resolveWithObject: true });
  if (info.channels === 3) return new Uint8Array(data);
  const pixels = new Uint8Array(model.crop * model.crop * 3);
  for (let at = 0; at < pixels.length; at += 1) pixels[at] = data[Math.floor(at / 3)] ?? 0;
  return pixels;
}
