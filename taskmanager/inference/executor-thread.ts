/**
 * Entry of an executor's worker thread: loads models and runs them for all slots of the task manager
 * (`run()` blocks the thread it is called in, so it has threads of its own). Never terminated from
 * outside while a run may be active, because that aborts the process: it is asked to stop, says
 * `stopped`, and is ended then.
 */
import { parentPort, workerData } from 'node:worker_threads';
import ort, { type InferenceSession } from 'onnxruntime-node';
import { invariant } from '../../shared/errors/invariant.ts';
import { SluiceError, serializeError } from '../../shared/errors/sluice-error.ts';
import { systemClock } from '../../shared/time/system-clock.ts';
import { ExecutorStats, ModelRunStats, QueueLengths } from './executor-counters.ts';
import { ExecutorLoop } from './executor-loop.ts';
import type { ExecutorData, ExecutorReply, ExecutorRequest } from './messages.ts';
import { ModelSession } from './model-session.ts';
import { sessionOptions } from './session-options.ts';

type LoadRequest = Extract<ExecutorRequest, { kind: 'load' }>;

/** One session per content: models that differ in options only share it. */
interface SharedSession {
  readonly session: InferenceSession;
  readonly modelIds: Set<number>;
}

// Whatever fails comes back as an exception; the library's own lines on stderr help nobody.
ort.env.logLevel = 'fatal';
const data = workerData as ExecutorData;
const control = parentPort;
invariant(control !== null, 'the executor is a worker thread');
const stats = new ExecutorStats(data.stats);
const loop = new ExecutorLoop({
  executorId: data.executorId,
  executionProvider: data.executionProvider,
  queueLengths: new QueueLengths(data.queueLengths),
  stats,
  clock: systemClock,
});
const sessions = new Map<string, SharedSession>();
/** Requests are handled one after the other, also those that await. */
let handled: Promise<void> = Promise.resolve();

control.on('message', (request: ExecutorRequest) => {
  handled = handled.then(() => handle(request)).catch(endThread);
});

async function handle(request: ExecutorRequest): Promise<void> {
  switch (request.kind) {
    case 'connect':
      loop.addPort(request.port);
      return;
    case 'load':
      reply(await load(request));
      return;
    case 'unload':
      await unload(request.modelId);
      return;
    case 'stop':
      await loop.stop();
      for (const { session } of sessions.values()) await session.release();
      reply({ kind: 'stopped' });
      return;
    default:
      request satisfies never;
  }
}

async function load(request: LoadRequest): Promise<ExecutorReply> {
  const { modelId, model, options } = request;
  try {
    const shared = sessions.get(model.sha256) ?? {
      session: await createSession(request),
      modelIds: new Set<number>(),
    };
    sessions.set(model.sha256, shared);
    shared.modelIds.add(modelId);
    stats.add('modelsLoaded', 1);
    const session = await ModelSession.create({
      session: shared.session,
      model,
      options,
      executionProvider: data.executionProvider,
      stats,
      runStats: new ModelRunStats(request.runStats),
      monotonicMs: () => systemClock.monotonicMs(),
    });
    loop.addModel(modelId, session, options.batchDelayMaxMs);
    return { kind: 'loaded', modelId, batchSizeMax: session.batchSizeMax };
  } catch (error) {
    await unload(modelId);
    return { kind: 'load-failed', modelId, error: serializeError(error) };
  }
}

async function createSession(request: LoadRequest): Promise<InferenceSession> {
  const { executionProvider, intraOpThreads } = data;
  try {
    return await ort.InferenceSession.create(
      request.path,
      sessionOptions(executionProvider, intraOpThreads),
    );
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const isProvider = executionProvider !== 'cpu' && /provider|cuda|backend/i.test(reason);
    throw new SluiceError(
      isProvider ? 'RESOURCE_UNAVAILABLE' : 'MODEL_INVALID',
      isProvider
        ? `ONNX Runtime cannot use "${executionProvider}" on this machine: ${reason}`
        : `ONNX Runtime cannot load ${request.model.uri}: ${reason}`,
      { domain: 'user', context: { uri: request.model.uri }, cause: error },
    );
  }
}

async function unload(modelId: number): Promise<void> {
  loop.removeModel(modelId);
  for (const [sha256, shared] of sessions) {
    if (!shared.modelIds.delete(modelId)) continue;
    stats.add('modelsLoaded', -1);
    if (shared.modelIds.size > 0) continue;
    sessions.delete(sha256);
    await shared.session.release();
  }
}

function reply(message: ExecutorReply): void {
  control?.postMessage(message);
}

/** Only bugs come here. Out of the promise, so that the thread ends with the error itself. */
function endThread(error: unknown): void {
  setImmediate(() => {
    throw error;
  });
}
