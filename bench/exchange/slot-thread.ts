/** A slot's thread of the exchange benchmark: produces or consumes in turns, as a task's loop does. */
import { parentPort, workerData } from 'node:worker_threads';
import { invariant } from '../../shared/errors/invariant.ts';
import { END_OF_INPUT } from '../../shared/record/stream-event.ts';
import { StreamRecord } from '../../shared/record/stream-record.ts';
import { systemClock } from '../../shared/time/system-clock.ts';
import { SlotNetwork } from '../../taskmanager/network/slot-network.ts';
import { CountOperator } from '../../taskmanager/operators/count/count-operator.ts';
import type { OperatorContext } from '../../taskmanager/operators/operator-context.ts';
import { backendFactory } from '../../taskmanager/state/create-backend.ts';
import type { InputGate } from '../../taskmanager/task/input-gate.ts';
import type { ResultPartition } from '../../taskmanager/task/result-partition.ts';
import {
  BUFFER_PAYLOAD_BYTES,
  type ExchangeWorkload,
  keyOf,
  preciseNowMs,
  type SlotData,
  type SlotResult,
} from './workload.ts';

const TURN_MS = 5;
const MAX_PARALLELISM = 128;
const data = workerData as SlotData;
const { workload, subtask } = data;
const network = new SlotNetwork(data.networkPort, { clock: systemClock });

if (data.role === 'producer') produce(createPartition());
else consume(createGate(), await createCounter());

function createPartition(): ResultPartition {
  const { kind, consumers } = workload;
  const partition = network.createResultPartition(
    {
      partitionId: partitionId(subtask),
      sourceOperator: 'generate',
      partitioner: kind === 'records' ? { kind: 'hash', keyBy: ['key'] } : { kind: 'rebalance' },
      subpartitions: consumers,
      maxParallelism: MAX_PARALLELISM,
    },
    { subtaskIndex: subtask },
  );
  partition.onFailure(fail);
  return partition;
}

function createGate(): InputGate {
  const producer = data.producerAddress;
  invariant(producer !== null, 'a consumer knows where its producers are');
  const gate = network.createInputGate({
    edgeId: 'edge',
    channels: Array.from({ length: workload.producers }, (_, index) => ({
      partitionId: partitionId(index),
      subpartition: subtask,
      producer,
    })),
  });
  gate.onFailure(fail);
  return gate;
}

function produce(partition: ResultPartition): void {
  const { count, producers, kind } = workload;
  const end = Math.floor(((subtask + 1) * count) / producers);
  let sequence = Math.floor((subtask * count) / producers);
  const next = generator(kind);
  let isWaiting = false;
  const turn = (): void => {
    const deadlineMs = performance.now() + TURN_MS;
    while (sequence < end) {
      if (!partition.isAvailable()) {
        isWaiting = true;
        return;
      }
      partition.emit(next(sequence));
      sequence += 1;
      if ((sequence & 31) === 0 && performance.now() > deadlineMs) {
        setImmediate(turn);
        return;
      }
    }
    partition.broadcastEvent(END_OF_INPUT);
    partition.drained().then(() => partition.close(), fail);
  };
  partition.onAvailable(() => {
    if (!isWaiting) return;
    isWaiting = false;
    setImmediate(turn);
  });
  turn();
}

function generator(kind: ExchangeWorkload['kind']): (sequence: number) => StreamRecord {
  const atMs = systemClock.nowMs();
  if (kind === 'large-records') {
    const payload = new Uint8Array(BUFFER_PAYLOAD_BYTES).fill(7);
    return () => new StreamRecord({ payload }, atMs, atMs, null, null, null);
  }
  return (sequence) => {
    const value = { sequence, key: keyOf(sequence), value: sequence * 0.5 };
    return new StreamRecord(value, atMs, atMs, null, null, null);
  };
}

/** The operator of `transform: count`, with keyed state on the heap. */
async function createCounter(): Promise<{ operator: CountOperator; keys: string[] }> {
  const createBackend = await backendFactory('heap');
  const { state } = createBackend({
    subtaskIndex: subtask,
    parallelism: workload.consumers,
    maxParallelism: MAX_PARALLELISM,
    clock: systemClock,
  });
  const keys: string[] = [];
  const operator = new CountOperator({ keyBy: ['key'] });
  // All that counting asks for.
  operator.open({ keyedState: () => state, clock: systemClock } as OperatorContext, {
    emit: ({ value }) => keys.push(value['key'] as string),
    emitEvent: () => undefined,
    isReady: () => true,
  });
  return { operator, keys };
}

function consume(
  gate: InputGate,
  { operator, keys }: { operator: CountOperator; keys: string[] },
): void {
  const isCounting = workload.kind === 'records';
  let elements = 0;
  let bytes = 0;
  let channelsOpen = workload.producers;
  let firstAtMs = 0;
  const process = (records: readonly StreamRecord[]): void => {
    if (elements === 0) firstAtMs = preciseNowMs();
    elements += records.length;
    for (const record of records) {
      if (isCounting) operator.processElement(record);
      else bytes += (record.value['payload'] as Uint8Array).byteLength;
    }
  };
  const report = (): void => {
    const lastAtMs = preciseNowMs();
    if (isCounting) bytes = gate.bytesIn;
    gate.close();
    operator.finish();
    const result: SlotResult = {
      elements,
      bytes,
      keys,
      firstAtMs,
      lastAtMs,
    };
    parentPort?.postMessage(result);
  };
  let isScheduled = false;
  const turn = (): void => {
    isScheduled = false;
    const deadlineMs = performance.now() + TURN_MS;
    for (let item = gate.poll(); item !== null; item = gate.poll()) {
      if (item.kind === 'records') process(item.records);
      else if (item.event.kind === 'end-of-input') channelsOpen -= 1;
      if (channelsOpen > 0 && performance.now() > deadlineMs) {
        isScheduled = true;
        setImmediate(turn);
        return;
      }
    }
    if (channelsOpen === 0) report();
  };
  gate.onAvailable(() => {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(turn);
  });
}

function partitionId(producer: number): string {
  return `bench/producer/${producer}/0#edge`;
}

/** Ends the thread, and with it the run. */
function fail(error: Error): void {
  throw error;
}
