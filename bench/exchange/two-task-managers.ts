import { strict as assert } from 'node:assert';
import type { ChildProcess } from 'node:child_process';
import { cpuMsOf, type ExchangeRun, end, forkScript, nextMessage } from './exchange-run.ts';
import {
  type ExchangeWorkload,
  KEYS,
  type SlotResult,
  type TaskManagerCommand,
  type TaskManagerReport,
} from './workload.ts';

/** The workload between two task managers' processes: hubs, slots' threads, one connection. */
export async function runTwoTaskManagers(workload: ExchangeWorkload): Promise<ExchangeRun> {
  const producer = forkScript('./task-manager-process.ts');
  const consumer = forkScript('./task-manager-process.ts');
  const both = [producer, consumer];
  try {
    const address = await started(producer, { role: 'producer', workload, producerAddress: null });
    await started(consumer, { role: 'consumer', workload, producerAddress: address });
    const cpuBeforeMs = cpuMsOf(both);
    const report = await nextMessage<TaskManagerReport>(consumer);
    const cpuMs = cpuMsOf(both) - cpuBeforeMs;
    assert(report.kind === 'consumed', 'the consumers have come to the end');
    return { ...totals(report.slots, workload), cpuMs };
  } finally {
    await end(both);
  }
}

async function started(
  child: ChildProcess,
  command: TaskManagerCommand,
): Promise<TaskManagerCommand['producerAddress']> {
  child.send(command);
  const report = await nextMessage<TaskManagerReport>(child);
  assert(report.kind === 'started', 'a task manager starts first');
  return report.address;
}

/** Adds the slots up; a benchmark that loses records is worth nothing. */
function totals(
  slots: readonly SlotResult[],
  workload: ExchangeWorkload,
): { elements: number; bytes: number; milliseconds: number } {
  let elements = 0;
  let bytes = 0;
  const keys = new Set<string>();
  for (const slot of slots) {
    elements += slot.elements;
    bytes += slot.bytes;
    for (const key of slot.keys) {
      assert(!keys.has(key), 'a key is counted in one slot');
      keys.add(key);
    }
  }
  assert.equal(elements, workload.count, 'every element has arrived');
  if (workload.kind === 'records') assert.equal(keys.size, Math.min(KEYS, workload.count));
  const firstAtMs = Math.min(...slots.map((slot) => slot.firstAtMs));
  const lastAtMs = Math.max(...slots.map((slot) => slot.lastAtMs));
  return { elements, bytes, milliseconds: lastAtMs - firstAtMs };
}
