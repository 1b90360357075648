/**
 * What runs in a slot's thread: wires the slot's ends of network and inference, the clock and the
 * loop together and waits for commands. What is not caught here ends the thread; the main thread
 * then fails the slot's tasks with it.
 */
import { parentPort, threadId, workerData } from 'node:worker_threads';
import { invariant } from '../../shared/errors/invariant.ts';
import { FileSystemRegistry } from '../../shared/filesystem/filesystem-registry.ts';
import { EventLoopMeter } from '../../shared/observability/event-loop-delay.ts';
import type { LogFields, Logger, LogLevel } from '../../shared/observability/logger.ts';
import { systemClock } from '../../shared/time/system-clock.ts';
import { SlotInferenceClient } from '../inference/slot-inference-client.ts';
import { SlotNetwork } from '../network/slot-network.ts';
import { operatorFactory } from '../operators/runtime/operator-factory.ts';
import { TaskLoop } from '../task/task-loop.ts';
import type { SlotCommand, SlotReport, SlotWorkerData } from './slot-messages.ts';
import { SlotTasks } from './slot-tasks.ts';

invariant(parentPort !== null, 'a slot runs in a worker thread');
const mainThread = parentPort;
const data = workerData as SlotWorkerData;

const send = (report: SlotReport, transfer: readonly ArrayBuffer[] = []): void =>
  mainThread.postMessage(report, transfer);
const fileSystems = new FileSystemRegistry(data.fileSystemOptions, { clock: systemClock });
const network = new SlotNetwork(data.networkPort, { clock: systemClock });
const inference = new SlotInferenceClient(data.inferencePort, systemClock);
const eventLoop = new EventLoopMeter(systemClock);

const tasks = new SlotTasks({
  environment: {
    taskManagerId: data.taskManagerId,
    clock: systemClock,
    // `setImmediate` comes after ports and sockets had their turn.
    loop: new TaskLoop(systemClock, setImmediate),
    fileSystems,
    inference,
    createOperator: operatorFactory({ device: data.device, fileSystems }),
    network,
    logger: forwardingLogger(),
    localStateDirectory: data.localStateDirectory,
  },
  localStateFolder: data.localStateFolder,
  metricsIntervalMs: data.metricsIntervalMs,
  thread: () => ({
    name: `slot-${data.slotIndex}`,
    threadId,
    eventLoop: eventLoop.read(),
    storage: fileSystems.meter.totals(),
  }),
  send,
  async close() {
    eventLoop.stop();
    network.close();
    inference.close();
    await fileSystems.close();
    // Nothing keeps the thread's event loop alive any more.
    mainThread.close();
  },
});

mainThread.on('message', (command: SlotCommand) => tasks.handle(command));

function forwardingLogger(): Logger {
  const line =
    (level: LogLevel) =>
    (fields: LogFields, message: string): void =>
      send({ kind: 'log', level, fields, message });
  return {
    debug: data.logsDebug ? line('debug') : () => {},
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
  };
}
