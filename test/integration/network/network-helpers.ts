import type { TestContext } from 'node:test';
import type { Partitioner } from '../../../shared/job-graph/job-graph.ts';
import type { DataAddress } from '../../../shared/job-graph/task-deployment.ts';
import { StreamRecord } from '../../../shared/record/stream-record.ts';
import type { TlsIdentity } from '../../../shared/security/tls-identity.ts';
import { systemClock } from '../../../shared/time/system-clock.ts';
import { NetworkHub } from '../../../taskmanager/network/network-hub.ts';
import type { NetworkLimits } from '../../../taskmanager/network/network-options.ts';
import { SlotNetwork } from '../../../taskmanager/network/slot-network.ts';
import type { InputGate } from '../../../taskmanager/task/input-gate.ts';
import type { ResultPartition } from '../../../taskmanager/task/result-partition.ts';
import { eventually } from '../../support/eventually.ts';

/** A hub with one slot in this thread; closed with the test. */
export interface TestTaskManager {
  readonly hub: NetworkHub;
  readonly slot: SlotNetwork;
  readonly logLines: string[];
}

export async function startTaskManager(
  context: TestContext,
  taskManagerId: string,
  limits: Partial<NetworkLimits> = {},
  identity: TlsIdentity | null = null,
): Promise<TestTaskManager> {
  const logLines: string[] = [];
  const hub = await NetworkHub.start({
    taskManagerId,
    host: '127.0.0.1',
    port: 0,
    identity,
    clock: systemClock,
    limits,
    log: (level, message, fields) => logLines.push(`${level} ${message} ${JSON.stringify(fields)}`),
  });
  const slot = new SlotNetwork(hub.connectSlot(), { clock: systemClock });
  context.after(async () => {
    slot.close();
    await hub.close();
  });
  return { hub, slot, logLines };
}

export function partitionAt(
  { slot }: TestTaskManager,
  partitionId: string,
  options: { readonly partitioner?: Partitioner; readonly subpartitions?: number } = {},
): ResultPartition {
  const { partitioner = { kind: 'forward' }, subpartitions = 1 } = options;
  return slot.createResultPartition(
    { partitionId, sourceOperator: 's', partitioner, subpartitions, maxParallelism: 128 },
    { subtaskIndex: 0 },
  );
}

export function gateAt(
  { slot }: TestTaskManager,
  partitionId: string,
  producer: DataAddress,
): InputGate {
  return slot.createInputGate({
    edgeId: 'e',
    channels: [{ partitionId, subpartition: 0, producer }],
  });
}

export function record(value: Readonly<Record<string, unknown>>): StreamRecord {
  return new StreamRecord(value, 0, 0, null, null, null);
}

/** Emits as far as the partition allows, turn by turn, then resolves. */
export async function emitAll(
  partition: ResultPartition,
  values: readonly Readonly<Record<string, unknown>>[],
): Promise<void> {
  for (const value of values) {
    if (!partition.isAvailable()) {
      await new Promise<void>((resolve) => partition.onAvailable(resolve));
    }
    partition.emit(record(value));
  }
}

/** Takes items until the end of input. */
export async function receiveAll(gate: InputGate): Promise<unknown[]> {
  const values: unknown[] = [];
  let hasEnded = false;
  let failure: Error | null = null;
  gate.onFailure((error) => {
    failure = error;
  });
  await eventually(() => {
    if (failure !== null) throw failure;
    for (let item = gate.poll(); item !== null; item = gate.poll()) {
      if (item.kind === 'records') values.push(...item.records.map((each) => each.value));
      else if (item.event.kind === 'end-of-input') hasEnded = true;
    }
    return hasEnded;
  });
  return values;
}

/** Resolves with the failure that the gate or partition reports. */
export function failureOf(end: InputGate | ResultPartition): Promise<Error> {
  return new Promise((resolve) => end.onFailure(resolve));
}
