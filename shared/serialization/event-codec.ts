/** Control events in their binary form: see `wire-format.ts`. Pure functions, any thread. */
import { CHECKPOINT_PURPOSES, END_OF_INPUT, type StreamEvent } from '../record/stream-event.ts';
import { ValueWriter } from './value-writer.ts';
import { PAYLOAD_KIND } from './wire-format.ts';

const EVENT_BYTES_MAX = 512;
const scratch = Buffer.alloc(EVENT_BYTES_MAX);

/** The event as a payload in memory of its own, behind `headroom` bytes for a frame's header. */
export function encodeEvent(event: StreamEvent, headroom: number): ArrayBuffer {
  const writer = new ValueWriter();
  writer.reset(scratch, 1);
  scratch[0] = PAYLOAD_KIND.event;
  writer.value(event);
  const bytes = new Uint8Array(new ArrayBuffer(headroom + writer.position));
  bytes.set(scratch.subarray(0, writer.position), headroom);
  return bytes.buffer;
}

const ALIGNMENTS: readonly unknown[] = ['aligned', 'unaligned', 'at-least-once'];
const PURPOSES: readonly unknown[] = CHECKPOINT_PURPOSES;

/** The event that a decoded value says; null where it says none. */
export function parseEvent(value: unknown): StreamEvent | null {
  if (typeof value !== 'object' || value === null) return null;
  const event = value as Readonly<Record<string, unknown>>;
  switch (event['kind'] as StreamEvent['kind']) {
    case 'watermark':
      return typeof event['timestampMs'] === 'number' ? (value as StreamEvent) : null;
    case 'barrier': {
      const { checkpointId, triggeredAtMs, alignment, purpose } = event;
      const valid =
        Number.isSafeInteger(checkpointId) &&
        typeof triggeredAtMs === 'number' &&
        ALIGNMENTS.includes(alignment) &&
        PURPOSES.includes(purpose);
      return valid ? (value as StreamEvent) : null;
    }
    case 'status':
      return typeof event['idle'] === 'boolean' ? (value as StreamEvent) : null;
    case 'end-of-input':
      return END_OF_INPUT;
    default:
      return null;
  }
}
