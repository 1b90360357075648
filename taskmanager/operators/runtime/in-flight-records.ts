/**
 * Records under way in an asynchronous operator as entries of its list state, for a barrier that has
 * overtaken them. A record of input is stored by reference: without its encoded image, which is
 * read again from the source. Pure functions.
 */
import {
  deserializeError,
  type SerializedError,
  SluiceError,
  serializeError,
} from '../../../shared/errors/sluice-error.ts';
import type { StreamRecord } from '../../../shared/record/stream-record.ts';
import { decodeRecords, encodeRecords } from '../../../shared/serialization/record-payloads.ts';
import type { PendingElement } from './element-queue.ts';

/** Plain data. */
export interface InFlightEntry {
  /** The work begins anew, its results are emitted, or the record is rejected. */
  readonly kind: 'input' | 'results' | 'rejected';
  readonly payloads: readonly Uint8Array[];
  readonly error: SerializedError | null;
}

/** Whether the work can begin anew from what is stored of the record. */
export function canRestart({ bytes, source }: StreamRecord): boolean {
  return bytes === null || source !== null;
}

/** Tensors are large, and what was decoded can be decoded again. */
export function isBestDoneAnew({ record, results, isRestored }: PendingElement): boolean {
  if (isRestored || results === null || !canRestart(record)) return false;
  return results.some(({ tensor }) => tensor !== null);
}

export function inputEntry(record: StreamRecord): InFlightEntry {
  return { kind: 'input', payloads: encodeRecords([record]), error: null };
}

/** Of an element whose work is done; null where nothing is left to do. */
export function doneEntry({ record, results, error }: PendingElement): InFlightEntry | null {
  if (error !== null) {
    const payloads = encodeRecords([record.withTensor(record.value, null)]);
    return { kind: 'rejected', payloads, error: serializeError(error) };
  }
  if (results === null || results.length === 0) return null;
  return { kind: 'results', payloads: encodeRecords(results), error: null };
}

/** The elements that an entry stands for; one whose work begins anew has no results. */
export function restoredElements(entry: unknown): readonly PendingElement[] {
  const { kind, payloads, error } = entry as InFlightEntry;
  const records = payloads.flatMap((payload) => decodeRecords(payload));
  if (kind === 'input') return records.map((record) => element(record, null, null));
  if (kind === 'results') return [element(records[0] as StreamRecord, records, null)];
  const thrown = error === null ? null : deserializeError(error);
  const rejection = thrown instanceof SluiceError ? thrown : null;
  return records.map((record) => element(record, [], rejection));
}

function element(
  record: StreamRecord,
  results: readonly StreamRecord[] | null,
  error: SluiceError | null,
): PendingElement {
  const isRestored = results !== null;
  return { kind: 'record', record, isRestored, startedAtMs: 0, results, error, onDone: null };
}
