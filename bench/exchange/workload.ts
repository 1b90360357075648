import type { MessagePort } from 'node:worker_threads';
import type { DataAddress } from '../../shared/job-graph/task-deployment.ts';

/** What a run of the exchange benchmark sends; shared by its processes and threads. */
export interface ExchangeWorkload {
  /**
   * Small records `{ sequence, key, value }` by key; records that fill a buffer each; or buffers that
   * are neither encoded nor decoded (between one producing and one consuming slot).
   */
  readonly kind: 'records' | 'large-records' | 'buffers';
  /** Elements over all producing slots. */
  readonly count: number;
  readonly producers: number;
  readonly consumers: number;
}

/** From the driver to a task manager's process. */
export interface TaskManagerCommand {
  readonly role: 'producer' | 'consumer';
  readonly workload: ExchangeWorkload;
  /** Consumers: where the producers are. */
  readonly producerAddress: DataAddress | null;
}

/** How a slot's thread is started. */
export interface SlotData extends TaskManagerCommand {
  readonly subtask: number;
  readonly networkPort: MessagePort;
}

/** From a task manager's process to the driver. */
export type TaskManagerReport =
  | { readonly kind: 'started'; readonly address: DataAddress }
  | { readonly kind: 'consumed'; readonly slots: readonly SlotResult[] };

/** What a consuming slot has got. */
export interface SlotResult {
  readonly elements: number;
  readonly bytes: number;
  /** The keys that were counted here; none for buffers. */
  readonly keys: readonly string[];
  /** Milliseconds since the epoch, with fractions: comparable between processes of one machine. */
  readonly firstAtMs: number;
  readonly lastAtMs: number;
}

export const KEYS = 1000;
/** With its frame's header and its envelope, an element of `large-records` fills a buffer of 32 KiB. */
export const BUFFER_PAYLOAD_BYTES = 32 * 1024 - 96;
export const RAW_FRAME_BYTES = 32 * 1024;

/** The key of the record with this number: every key is used about equally often. */
export function keyOf(sequence: number): string {
  return `key-${(sequence * 31) % KEYS}`;
}

export function preciseNowMs(): number {
  return performance.timeOrigin + performance.now();
}
