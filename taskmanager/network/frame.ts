/**
 * The frames of a connection between two task managers. Every frame starts with a header of 16
 * bytes, little-endian; a payload follows:
 *
 *   0  u32  payload length
 *   4  u16  FRAME_MAGIC
 *   6  u8   type
 *   7  u8   0
 *   8  u32  channel: chosen by the consuming side when it requests a subpartition; 0: none
 *   12 u32  data: sequence number within the channel; credit: units; else 0
 *
 * The consuming side opens the connection. Both sides begin with HELLO. Pure functions.
 */
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import { OVERSIZE_BUFFER_BYTES_MAX } from './network-options.ts';

export const FRAME_HEADER_BYTES = 16;
const FRAME_MAGIC = 0x534c;
const PROTOCOL_VERSION = 1;
/** Also separates us from a stranger: the first bytes of a connection are known. */
const HELLO_MAGIC = 'sluice-data-plane';

export const FRAME = {
  /** Version and task manager id, as JSON. */
  hello: 1,
  /** Consumer: partition, subpartition and first credit of a new channel, as JSON. */
  request: 2,
  /** Producer: one buffer of the channel. */
  data: 3,
  /** Consumer: the producer may send so many units more. */
  credit: 4,
  /** Consumer: nothing more is wanted of the channel. */
  released: 5,
  /** Producer: the channel ends with this error (JSON). */
  failed: 6,
  /** Says that the sender is alive. */
  ping: 7,
} as const;

export type FrameType = (typeof FRAME)[keyof typeof FRAME];

/** The largest payload of each type; a frame that says more is a violation. */
const PAYLOAD_BYTES_MAX: Readonly<Record<FrameType, number>> = {
  [FRAME.hello]: 4096,
  [FRAME.request]: 16_384,
  [FRAME.data]: OVERSIZE_BUFFER_BYTES_MAX,
  [FRAME.credit]: 0,
  [FRAME.released]: 0,
  [FRAME.failed]: 65_536,
  [FRAME.ping]: 0,
};

export interface FrameHeader {
  readonly payloadBytes: number;
  readonly type: FrameType;
  readonly channel: number;
  readonly extra: number;
}

/** Fills in the header in front of a payload that is already in place. */
export function writeFrameHeader(view: DataView, header: FrameHeader): void {
  view.setUint32(0, header.payloadBytes, true);
  view.setUint16(4, FRAME_MAGIC, true);
  view.setUint16(6, header.type, true);
  view.setUint32(8, header.channel, true);
  view.setUint32(12, header.extra, true);
}

/** Throws `PROTOCOL_VIOLATION` where the 16 bytes are no header. */
export function readFrameHeader(view: DataView): FrameHeader {
  const payloadBytes = view.getUint32(0, true);
  const type = view.getUint16(6, true);
  const payloadBytesMax = PAYLOAD_BYTES_MAX[type as FrameType] as number | undefined;
  if (view.getUint16(4, true) !== FRAME_MAGIC || payloadBytesMax === undefined) {
    throw frameViolation('sent bytes that are no frame');
  }
  if (payloadBytes > payloadBytesMax) {
    throw frameViolation(`sent a frame of ${payloadBytes} bytes (at most ${payloadBytesMax})`);
  }
  return {
    payloadBytes,
    type: type as FrameType,
    channel: view.getUint32(8, true),
    extra: view.getUint32(12, true),
  };
}

/** A frame without payload. */
export function controlFrame(type: FrameType, channel: number, extra: number): Uint8Array {
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES);
  writeFrameHeader(new DataView(frame.buffer, frame.byteOffset, FRAME_HEADER_BYTES), {
    payloadBytes: 0,
    type,
    channel,
    extra,
  });
  return frame;
}

/** A frame with a JSON payload. */
export function jsonFrame(type: FrameType, channel: number, value: unknown): Uint8Array {
  const payload = Buffer.from(JSON.stringify(value));
  const payloadBytes = payload.byteLength;
  if (payloadBytes > PAYLOAD_BYTES_MAX[type]) {
    throw new SluiceError('MESSAGE_TOO_LARGE', `a control frame would have ${payloadBytes} bytes`, {
      domain: 'internal',
      context: { type, bytesMax: PAYLOAD_BYTES_MAX[type] },
    });
  }
  return Buffer.concat([headerOf({ payloadBytes, type, channel, extra: 0 }), payload]);
}

export function helloFrame(taskManagerId: string): Uint8Array {
  const hello = { magic: HELLO_MAGIC, version: PROTOCOL_VERSION, taskManagerId };
  return jsonFrame(FRAME.hello, 0, hello);
}

/** The task manager id of a hello; throws `PROTOCOL_VIOLATION` where it is none or too new. */
export function parseHello(payload: Uint8Array): string {
  const { magic, version, taskManagerId } = parseJson(payload);
  if (magic !== HELLO_MAGIC || typeof taskManagerId !== 'string') {
    throw frameViolation('did not say hello');
  }
  if (version !== PROTOCOL_VERSION) {
    throw frameViolation(`speaks version ${String(version)}, not ${PROTOCOL_VERSION}`);
  }
  return taskManagerId;
}

export interface PartitionRequest {
  readonly partitionId: string;
  readonly subpartition: number;
  readonly credit: number;
}

export function parseRequest(payload: Uint8Array): PartitionRequest {
  const { partitionId, subpartition, credit } = parseJson(payload);
  if (typeof partitionId !== 'string' || !isCount(subpartition, 0) || !isCount(credit, 1)) {
    throw frameViolation('sent a request that is none');
  }
  return { partitionId, subpartition, credit };
}

export function parseJson(payload: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(payload).toString());
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Not JSON: the same violation.
  }
  throw frameViolation('sent a payload that is no JSON');
}

function isCount(value: unknown, min: number): value is number {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= 0xffff;
}

function headerOf(header: FrameHeader): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEADER_BYTES);
  writeFrameHeader(new DataView(bytes.buffer), header);
  return bytes;
}

export function frameViolation(what: string): SluiceError {
  return new SluiceError('PROTOCOL_VIOLATION', `the other end ${what}`, {
    domain: 'external',
    retry: 'restart-job',
  });
}
