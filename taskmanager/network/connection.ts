/**
 * One connection to another task manager: handshake, keep-alive, and frames to and from the hub. It
 * knows nothing of slots.
 *
 *   connecting ──hello──► open ──► closed
 *        └────(closed, time-out, violation)──┘
 *
 * The end that opened it consumes: it sends requests, credit and releases; the other end produces
 * and sends data and failures. Pure: bytes and time are injected. The hub's thread.
 */
import {
  deserializeError,
  type SerializedError,
  SluiceError,
} from '../../shared/errors/sluice-error.ts';
import type { CancelTimer, Clock } from '../../shared/time/clock.ts';
import {
  controlFrame,
  FRAME,
  FRAME_HEADER_BYTES,
  type FrameHeader,
  frameViolation,
  helloFrame,
  jsonFrame,
  type PartitionRequest,
  parseHello,
  parseJson,
  parseRequest,
  writeFrameHeader,
} from './frame.ts';
import { FrameParser } from './frame-parser.ts';
import { connectionClosed, connectionFailed, peerSilent, wrongPeer } from './network-errors.ts';
import type { NetworkLimits } from './network-options.ts';
import { parseSerializedError } from './parse-serialized-error.ts';
import type { ByteStream } from './transport.ts';

/** What the hub does with what arrives. */
export interface ConnectionHandler {
  /** Whether data for this channel is wanted; memory for it, or null. */
  allocate(channel: number, bytes: number): ArrayBuffer | null;
  data(channel: number, buffer: ArrayBuffer, bytes: number): void;
  failed(channel: number, error: Error): void;
  request(channel: number, request: PartitionRequest): void;
  credit(channel: number, units: number): void;
  released(channel: number): void;
  /** Once; null where this end closed it. */
  closed(error: SluiceError | null): void;
}

export interface ConnectionOptions {
  readonly stream: ByteStream;
  readonly taskManagerId: string;
  /** `consumer`: this end opened the connection. */
  readonly role: 'consumer' | 'producer';
  /** Whom to expect; null where the other end opened the connection. */
  readonly expected: { readonly taskManagerId: string; readonly name: string } | null;
  readonly clock: Clock;
  readonly limits: NetworkLimits;
  readonly handler: ConnectionHandler;
}

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #stream: ByteStream;
  readonly #handler: ConnectionHandler;
  readonly #parser: FrameParser;
  readonly #cancelHandshakeTimer: CancelTimer;
  #state: 'connecting' | 'open' | 'closed' = 'connecting';
  #peer: string;
  #heardAtMs: number;

  constructor(options: ConnectionOptions) {
    const { stream, clock, limits, expected } = options;
    this.#options = options;
    this.#stream = stream;
    this.#handler = options.handler;
    this.#peer = expected?.name ?? stream.peer;
    this.#heardAtMs = clock.monotonicMs();
    this.#parser = new FrameParser({
      allocate: (header) => this.#allocate(header),
      receive: (header, memory) => this.#receive(header, memory),
    });
    this.#cancelHandshakeTimer = clock.setTimer(limits.connectTimeoutMs, () => {
      const cause = new Error(`no answer within ${limits.connectTimeoutMs} ms`);
      this.#close(connectionFailed(this.#peer, cause));
    });
    stream.onData((chunk) => this.#push(chunk));
    stream.onClose((cause) => this.#streamClosed(cause));
    if (options.role === 'consumer') stream.write(helloFrame(options.taskManagerId));
  }

  get state(): 'connecting' | 'open' | 'closed' {
    return this.#state;
  }

  /** Whom it leads to, for messages. */
  get peer(): string {
    return this.#peer;
  }

  /** Sends the buffer; the header's room at its start is filled in here, but for the sequence. */
  sendData(
    channel: number,
    buffer: ArrayBuffer,
    options: {
      readonly bytes: number;
      /** The buffer may be used again. */
      readonly onSent: () => void;
    },
  ): void {
    const { bytes, onSent } = options;
    if (this.#state === 'closed') return;
    const view = new DataView(buffer);
    writeFrameHeader(view, {
      payloadBytes: bytes - FRAME_HEADER_BYTES,
      type: FRAME.data,
      channel,
      extra: view.getUint32(12, true),
    });
    this.#stream.write(new Uint8Array(buffer, 0, bytes), onSent);
  }

  sendRequest(channel: number, request: PartitionRequest): void {
    this.#write(jsonFrame(FRAME.request, channel, request));
  }

  sendCredit(channel: number, units: number): void {
    this.#write(controlFrame(FRAME.credit, channel, units));
  }

  sendReleased(channel: number): void {
    this.#write(controlFrame(FRAME.released, channel, 0));
  }

  sendFailed(channel: number, error: SerializedError): void {
    this.#write(jsonFrame(FRAME.failed, channel, error));
  }

  /** Once per ping interval. `isLate`: this process itself was asleep; the peer gets time anew. */
  tick(isLate: boolean): void {
    if (this.#state !== 'open') return;
    const nowMs = this.#options.clock.monotonicMs();
    if (isLate) this.#heardAtMs = nowMs;
    const silentMs = nowMs - this.#heardAtMs;
    if (silentMs >= this.#options.limits.peerTimeoutMs) {
      this.#close(peerSilent(this.#peer, Math.round(silentMs)));
      return;
    }
    this.#write(controlFrame(FRAME.ping, 0, 0));
  }

  /** In order: what is written still leaves. */
  end(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#cancelHandshakeTimer();
    this.#stream.end();
    this.#handler.closed(null);
  }

  #write(frame: Uint8Array): void {
    if (this.#state !== 'closed') this.#stream.write(frame);
  }

  #push(chunk: Uint8Array): void {
    if (this.#state === 'closed') return;
    this.#heardAtMs = this.#options.clock.monotonicMs();
    try {
      this.#parser.push(chunk);
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      this.#close(error);
    }
  }

  #streamClosed(cause: Error | null): void {
    if (this.#state === 'connecting') this.#close(connectionFailed(this.#peer, cause));
    else this.#close(connectionClosed(this.#peer, cause));
  }

  #close(error: SluiceError): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#cancelHandshakeTimer();
    this.#stream.destroy();
    this.#handler.closed(error);
  }

  #allocate(header: FrameHeader): ArrayBuffer | null {
    const { type, channel, payloadBytes } = header;
    // Before the handshake nobody gets more memory than a hello needs.
    if ((type === FRAME.hello) !== (this.#state === 'connecting')) {
      throw frameViolation('did not say hello first, and once');
    }
    const bytes = FRAME_HEADER_BYTES + payloadBytes;
    if (type === FRAME.data) {
      this.#requireRole('consumer');
      return this.#handler.allocate(channel, bytes);
    }
    return new ArrayBuffer(bytes);
  }

  #receive(header: FrameHeader, memory: ArrayBuffer): void {
    // A frame before this one in the same chunk may have ended the connection.
    if (this.#state === 'closed') return;
    const { channel } = header;
    const bytes = FRAME_HEADER_BYTES + header.payloadBytes;
    switch (header.type) {
      case FRAME.data:
        this.#handler.data(channel, memory, bytes);
        return;
      case FRAME.credit:
        this.#requireRole('producer');
        this.#handler.credit(channel, header.extra);
        return;
      case FRAME.ping:
        return;
      case FRAME.hello:
        this.#hello(parseHello(payloadOf(memory, bytes)));
        return;
      case FRAME.request:
        this.#requireRole('producer');
        this.#handler.request(channel, parseRequest(payloadOf(memory, bytes)));
        return;
      case FRAME.released:
        this.#requireRole('producer');
        this.#handler.released(channel);
        return;
      case FRAME.failed: {
        this.#requireRole('consumer');
        const error = parseSerializedError(parseJson(payloadOf(memory, bytes)));
        if (error === null) throw frameViolation('sent an error that is none');
        this.#handler.failed(channel, deserializeError(error));
        return;
      }
      default:
        header.type satisfies never;
    }
  }

  #hello(taskManagerId: string): void {
    const { role, expected, stream } = this.#options;
    this.#cancelHandshakeTimer();
    if (expected !== null && expected.taskManagerId !== taskManagerId) {
      this.#close(wrongPeer(expected.name, taskManagerId));
      return;
    }
    this.#state = 'open';
    if (expected === null) this.#peer = `task manager ${taskManagerId} at ${stream.peer}`;
    if (role === 'producer') stream.write(helloFrame(this.#options.taskManagerId));
  }

  #requireRole(role: 'consumer' | 'producer'): void {
    if (this.#options.role !== role) throw frameViolation('sent a frame of the wrong direction');
  }
}

function payloadOf(memory: ArrayBuffer, bytes: number): Uint8Array {
  return new Uint8Array(memory, FRAME_HEADER_BYTES, bytes - FRAME_HEADER_BYTES);
}
