/** What a checkpoint of a task under test has. */
import assert from 'node:assert/strict';
import { StreamRecord } from '../../shared/record/stream-record.ts';
import { decodeValue } from '../../shared/serialization/encode-value.ts';
import { type FakeResultPartition, record, type TaskHarness } from './task-harness.ts';

export const numbers = (from: number, to: number): StreamRecord[] =>
  Array.from({ length: to - from }, (_, index) => record(from + index));

/** Entries of a list state in the acknowledgement of a checkpoint. */
export function stateOf(
  harness: TaskHarness,
  checkpointId: number,
  operator: string,
  name: string,
): unknown[] {
  const { handles } = harness.restoreOf(checkpointId).operators[operator]?.lists[name] ?? {
    handles: [],
  };
  return handles.flatMap((handle) => {
    assert.ok(handle.kind === 'inline');
    return decodeValue(Buffer.from(handle.base64, 'base64')) as unknown[];
  });
}

/** Numbers of records, `barrier 7`, other events by their kind. */
export function kinds(partition: FakeResultPartition): unknown[] {
  return partition.taken.map((element) => {
    if (element instanceof StreamRecord) return element.value['n'];
    return element.kind === 'barrier' ? `barrier ${element.checkpointId}` : element.kind;
  });
}
