import type { ListRestore, TaskRestore } from '../../shared/checkpoint/snapshot.ts';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import { decodeValue } from '../../shared/serialization/encode-value.ts';
import type { RestoredState } from '../operators/runtime/member-snapshot.ts';
import type { SnapshotLoader } from './snapshot-store.ts';

/**
 * What an attempt begins with, operator by operator: list state is read, verified and decoded, and
 * of entries that are dealt out this subtask's are chosen. Null: the attempt begins with nothing.
 */
export async function restoredState(
  restore: TaskRestore | null,
  operatorId: string,
  loader: SnapshotLoader,
): Promise<RestoredState | null> {
  if (restore === null) return null;
  const operator = restore.operators[operatorId];
  if (operator === undefined) return { lists: {}, keyed: {}, loader };
  const lists = await Promise.all(
    Object.entries(operator.lists).map(
      async ([name, list]) => [name, await listEntries(list, loader)] as const,
    ),
  );
  return { lists: Object.fromEntries(lists), keyed: operator.keyed, loader };
}

async function listEntries(list: ListRestore, loader: SnapshotLoader): Promise<unknown[]> {
  const parts = await Promise.all(list.handles.map((handle) => loader.load(handle)));
  const entries = parts.flatMap((bytes) => {
    const value = decodeValue(bytes);
    if (Array.isArray(value)) return value as unknown[];
    throw new SluiceError('STATE_CORRUPT', 'A piece of list state is no list.', {
      domain: 'external',
    });
  });
  const { deal } = list;
  return deal === null ? entries : entries.filter((_, index) => index % deal.of === deal.index);
}
