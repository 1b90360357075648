/** A slot's thread for the tests: produces numbered records, or collects what it gets. */
import { parentPort, workerData } from 'node:worker_threads';
import { END_OF_INPUT } from '../../../shared/record/stream-event.ts';
import { StreamRecord } from '../../../shared/record/stream-record.ts';
import { systemClock } from '../../../shared/time/system-clock.ts';
import { SlotNetwork } from '../../../taskmanager/network/slot-network.ts';

const { role, port, address, count } = workerData;
const network = new SlotNetwork(port, { clock: systemClock });

if (role === 'producer') {
  const partitioner = { kind: 'hash', keyBy: ['key'] } as const;
  const descriptor = { partitionId: 'p', sourceOperator: 's', partitioner };
  const partition = network.createResultPartition(
    { ...descriptor, subpartitions: 1, maxParallelism: 128 },
    { subtaskIndex: 0 },
  );
  let sequence = 0;
  const turn = (): void => {
    while (sequence < count && partition.isAvailable()) {
      const value = { sequence, key: `k${sequence % 10}`, filling: new Uint8Array(sequence % 500) };
      partition.emit(new StreamRecord(value, 0, 0, null, null, null));
      sequence += 1;
    }
    if (sequence < count) return;
    partition.onAvailable(() => {});
    partition.broadcastEvent(END_OF_INPUT);
    partition.drained().then(() => partition.close());
  };
  partition.onAvailable(() => setImmediate(turn));
  turn();
} else {
  const producer = address;
  const channels = [{ partitionId: 'p', subpartition: 0, producer }];
  const gate = network.createInputGate({ edgeId: 'e', channels });
  const sequences: unknown[] = [];
  const turn = (): void => {
    for (let item = gate.poll(); item !== null; item = gate.poll()) {
      if (item.kind === 'records') {
        if (sequences.length === 0) parentPort?.postMessage('flowing');
        for (const { value } of item.records) sequences.push(value['sequence']);
      } else {
        gate.close();
        parentPort?.postMessage({ sequences });
        return;
      }
    }
  };
  gate.onAvailable(() => setImmediate(turn));
  gate.onFailure((error) => parentPort?.postMessage({ failure: error.message }));
}
