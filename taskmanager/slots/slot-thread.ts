import { Worker } from 'node:worker_threads';
import { serializeError } from '../../shared/errors/sluice-error.ts';
import type { SlotCommand, SlotReport, SlotWorkerData, ThreadEnd } from './slot-messages.ts';

/** A slot's thread as the main thread holds it. */
export interface SlotThread {
  post(command: SlotCommand): void;
  /** Ends it at once, whatever it does. */
  terminate(): void;
}

export interface SlotThreadEvents {
  onReport(report: SlotReport): void;
  /** The last thing that is heard of the thread. */
  onEnd(end: ThreadEnd): void;
}

/** With the extension of this very file: `.ts` in the sources, `.js` when compiled. */
const ENTRY = new URL(`./slot-worker${import.meta.url.slice(-3)}`, import.meta.url);

/** Starts a worker thread for a slot; the ports in `data` go over to it. */
export function startSlotThread(data: SlotWorkerData, events: SlotThreadEvents): SlotThread {
  const worker = new Worker(ENTRY, {
    name: `slot-${data.slotIndex}`,
    workerData: data,
    transferList: [data.networkPort, data.inferencePort],
  });
  let end: ThreadEnd = null;
  worker.on('message', (report: SlotReport) => events.onReport(report));
  worker.on('error', (error: unknown) => {
    end = serializeError(error);
  });
  worker.on('exit', () => events.onEnd(end));
  return {
    post: (command) => worker.postMessage(command),
    terminate: () => {
      worker.terminate().catch(() => {});
    },
  };
}
