/**
 * The partitioner: to which subpartition a record goes. Per-record code, one thread.
 */
import type { Partitioner } from '../../shared/job-graph/job-graph.ts';
import { subtaskTable } from '../../shared/key-groups/key-group-assignment.ts';
import { keyHash } from '../../shared/key-groups/key-hash.ts';
import { compileFieldPath } from '../../shared/record/field-path.ts';
import type { RecordValue, StreamRecord } from '../../shared/record/stream-record.ts';

/** Gives the number of the subpartition. */
export type PartitionSelector = (record: StreamRecord) => number;

/** Forward, hash: nothing but the record decides. (Rebalance and broadcast look at the queues.) */
export function keySelector(
  partitioner: Extract<Partitioner, { kind: 'hash' }>,
  sizes: { readonly subpartitions: number; readonly maxParallelism: number },
): PartitionSelector {
  const { maxParallelism } = sizes;
  const table = subtaskTable({ parallelism: sizes.subpartitions, maxParallelism });
  const hash = hashOfFields(partitioner.keyBy);
  return (record) => table[(hash(record.value) >>> 0) % maxParallelism] as number;
}

function hashOfFields(fields: readonly string[]): (value: RecordValue) => number {
  const getters = fields.map(compileFieldPath);
  const [first] = getters;
  if (getters.length === 1 && first !== undefined) return (value) => keyHash(first(value), 0);
  return (value) => {
    let hash = 0;
    for (const getter of getters) hash = keyHash(getter(value), hash);
    return hash;
  };
}
