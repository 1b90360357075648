/**
 * The producing half of the hub: connections that other task managers opened to read from here, and
 * the routes between their channels and the slots. Routes are numbered for the whole hub, so that a
 * slot can name one. The hub's thread.
 */
import {
  type SerializedError,
  type SluiceError,
  serializeError,
} from '../../shared/errors/sluice-error.ts';
import { Connection } from './connection.ts';
import { frameViolation, type PartitionRequest } from './frame.ts';
import type { HubEnvironment } from './hub-core.ts';
import type { HubSlot } from './hub-slot.ts';
import { HUB_LINK, RECYCLED_PER_MESSAGE } from './link-message.ts';
import { BUFFER_BYTES } from './network-options.ts';
import type { PartitionDirectory } from './partition-directory.ts';
import type { ByteStream } from './transport.ts';

interface Route {
  readonly slot: HubSlot;
  readonly reader: Reader;
  /** The channel's number on the connection. */
  readonly channel: number;
}

/** A connection and its channels, by their numbers. */
interface Reader {
  readonly connection: Connection;
  readonly channels: Map<number, ReaderChannel>;
}

interface ReaderChannel {
  /** Null while the request waits for its partition. */
  route: number | null;
  /** Takes the request back while it waits. */
  forget: () => void;
}

/** Channels of one connection, waiting ones included. */
const CHANNELS_MAX = 65_536;

export class ProducerConnections {
  readonly #environment: HubEnvironment;
  readonly #directory: PartitionDirectory<HubSlot>;
  readonly #readers = new Set<Reader>();
  readonly #routes = new Map<number, Route>();
  #routeNumber = 0;

  constructor(environment: HubEnvironment, directory: PartitionDirectory<HubSlot>) {
    this.#environment = environment;
    this.#directory = directory;
  }

  get size(): number {
    return this.#readers.size;
  }

  accept(stream: ByteStream): void {
    const { taskManagerId, clock, limits } = this.#environment;
    const connection = new Connection({
      stream,
      taskManagerId,
      role: 'producer',
      expected: null,
      clock,
      limits,
      handler: {
        request: (channel, request) => this.#request(reader, channel, request),
        credit: (channel, units) => {
          const route = reader.channels.get(channel)?.route ?? null;
          if (route === null) return;
          this.#routes.get(route)?.slot.link.send({ kind: 'credit', channel: route, units });
        },
        released: (channel) => this.#released(reader, channel, null),
        closed: (error) => this.#closed(reader, error),
        // A connection in the role of producer lets none of these through.
        allocate: () => null,
        data() {},
        failed() {},
      },
    });
    const reader: Reader = { connection, channels: new Map() };
    this.#readers.add(reader);
  }

  sendData(number: number, buffer: ArrayBuffer, bytes: number): void {
    const route = this.#routes.get(number);
    if (route === undefined) return;
    const { slot, reader, channel } = route;
    const isOrdinary = buffer.byteLength === BUFFER_BYTES;
    reader.connection.sendData(channel, buffer, {
      bytes,
      onSent: isOrdinary ? () => recycle(slot, buffer) : () => {},
    });
  }

  /** The producer has ended the channel with an error. */
  sendFailed(number: number, error: SerializedError): void {
    const route = this.#routes.get(number);
    if (route === undefined) return;
    this.#routes.delete(number);
    route.reader.channels.delete(route.channel);
    route.reader.connection.sendFailed(route.channel, error);
  }

  slotClosed(slot: HubSlot, error: SerializedError): void {
    for (const [number, route] of [...this.#routes]) {
      if (route.slot === slot) this.sendFailed(number, error);
    }
  }

  tick(isLate: boolean): void {
    for (const { connection } of [...this.#readers]) connection.tick(isLate);
  }

  end(): void {
    for (const { connection } of [...this.#readers]) connection.end();
  }

  #request(reader: Reader, channel: number, request: PartitionRequest): void {
    const { channels, connection } = reader;
    if (channels.has(channel) || channels.size >= CHANNELS_MAX) {
      throw frameViolation('requested a channel twice, or too many');
    }
    const state: ReaderChannel = { route: null, forget: () => {} };
    channels.set(channel, state);
    state.forget = this.#directory.request({
      ...request,
      serve: (slot) => {
        this.#routeNumber += 1;
        const number = this.#routeNumber;
        state.route = number;
        this.#routes.set(number, { slot, reader, channel });
        slot.link.send({ kind: 'subscribe', link: HUB_LINK, channel: number, ...request });
      },
      refuse: (error) => {
        channels.delete(channel);
        connection.sendFailed(channel, serializeError(error));
      },
    });
  }

  #released(reader: Reader, channel: number, error: SerializedError | null): void {
    const state = reader.channels.get(channel);
    if (state === undefined) return;
    reader.channels.delete(channel);
    const { route: number } = state;
    if (number === null) {
      state.forget();
      return;
    }
    const route = this.#routes.get(number);
    this.#routes.delete(number);
    route?.slot.link.send({ kind: 'released', channel: number, error });
  }

  #closed(reader: Reader, error: SluiceError | null): void {
    this.#readers.delete(reader);
    const { connection, channels } = reader;
    if (error !== null && (channels.size > 0 || error.code !== 'NETWORK_CLOSED')) {
      const context = { peer: connection.peer, error: error.message };
      this.#environment.log('warn', 'data plane: connection lost', context);
    }
    const serialized = error === null ? null : serializeError(error);
    for (const channel of [...channels.keys()]) this.#released(reader, channel, serialized);
  }
}

function recycle(slot: HubSlot, buffer: ArrayBuffer): void {
  slot.recycled.push(buffer);
  if (slot.recycled.length < RECYCLED_PER_MESSAGE) return;
  slot.link.send({ kind: 'recycle', buffers: slot.recycled });
  slot.recycled = [];
}
