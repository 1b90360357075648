/**
 * A task manager's process of the exchange benchmark: the real hub in the main thread, the real slot
 * network in a worker thread per slot. Driven over IPC by `two-task-managers.ts`.
 */
import process from 'node:process';
import { Worker } from 'node:worker_threads';
import { systemClock } from '../../shared/time/system-clock.ts';
import { NetworkHub } from '../../taskmanager/network/network-hub.ts';
import type { SlotData, SlotResult, TaskManagerCommand, TaskManagerReport } from './workload.ts';

const SLOT_THREAD = new URL('./slot-thread.ts', import.meta.url);
const BUFFER_THREAD = new URL('./buffer-thread.ts', import.meta.url);

process.once('message', (command: TaskManagerCommand) => start(command));

async function start(command: TaskManagerCommand): Promise<void> {
  const { role, workload } = command;
  const hub = await NetworkHub.start({
    taskManagerId: role,
    host: '127.0.0.1',
    port: 0,
    clock: systemClock,
    log: (level, message, context) =>
      process.stderr.write(`${level} ${message} ${JSON.stringify(context)}\n`),
  });
  const slots = role === 'producer' ? workload.producers : workload.consumers;
  const results = Array.from({ length: slots }, (_, subtask) => startSlot(hub, command, subtask));
  send({ kind: 'started', address: hub.address });
  // Producing slots report nothing; the driver ends their process.
  send({ kind: 'consumed', slots: await Promise.all(results) });
}

function startSlot(
  hub: NetworkHub,
  command: TaskManagerCommand,
  subtask: number,
): Promise<SlotResult> {
  const networkPort = hub.connectSlot();
  const workerData: SlotData = { ...command, subtask, networkPort };
  const isBuffers = command.workload.kind === 'buffers';
  const worker = new Worker(isBuffers ? BUFFER_THREAD : SLOT_THREAD, {
    workerData,
    transferList: [networkPort],
  });
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

function send(report: TaskManagerReport): void {
  process.send?.(report);
}
