import type { CancelTimer, Clock } from '../../../shared/time/clock.ts';
import type { LinkMessage } from '../../../taskmanager/network/link-message.ts';
import type { LinkPort } from '../../../taskmanager/network/link-port.ts';
import type { ByteStream } from '../../../taskmanager/network/transport.ts';
import type { SeededRandom } from '../../support/seeded-random.ts';

/**
 * Ports, connections and time of the exchange simulation. Everything that is under way lies in a lane
 * (one direction of a port or connection), in order; which lane moves next, the seed decides.
 */
interface Lane {
  readonly pending: (() => void)[];
}

interface Timer {
  readonly dueMs: number;
  readonly callback: () => void;
}

/** The event loops, all in one; deferred callbacks run before anything else is delivered. */
export class SimulatedWorld implements Clock {
  readonly random: SeededRandom;
  readonly #lanes: Lane[] = [];
  readonly #deferred: (() => void)[] = [];
  #timers: Timer[] = [];
  #nowMs = 0;

  constructor(random: SeededRandom) {
    this.random = random;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  setTimer(delayMs: number, callback: () => void): CancelTimer {
    const timer = { dueMs: this.#nowMs + delayMs, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  readonly defer = (callback: () => void): void => {
    this.#deferred.push(callback);
  };

  runDeferred(): void {
    for (let next = this.#deferred.shift(); next !== undefined; next = this.#deferred.shift()) {
      next();
    }
  }

  lane(): Lane {
    const lane: Lane = { pending: [] };
    this.#lanes.push(lane);
    return lane;
  }

  /** Delivers one thing of one lane; false when nothing is under way. */
  deliverOne(): boolean {
    const lanes = this.#lanes.filter(({ pending }) => pending.length > 0);
    const lane = lanes[this.random.integer(0, lanes.length - 1)];
    const deliver = lane?.pending.shift();
    if (deliver === undefined) return false;
    deliver();
    this.runDeferred();
    return true;
  }

  /** Lets time pass until the next timer at most. */
  advance(durationMs: number): void {
    const untilMs = this.#nowMs + durationMs;
    const [first] = this.#timers.toSorted((a, b) => a.dueMs - b.dueMs);
    if (first === undefined || first.dueMs > untilMs) {
      this.#nowMs = untilMs;
      return;
    }
    this.#nowMs = first.dueMs;
    this.#timers = this.#timers.filter((timer) => timer !== first);
    first.callback();
    this.runDeferred();
  }

  /** The two ends of a port; transferred buffers are detached, as by the real one. */
  portPair(): readonly [LinkPort, LinkPort] {
    const a = new SimulatedPort(this);
    const b = new SimulatedPort(this);
    a.other = b;
    b.other = a;
    return [a, b];
  }
}

class SimulatedPort implements LinkPort {
  other: SimulatedPort | null = null;
  readonly #lane: Lane;
  readonly #early: (readonly LinkMessage[])[] = [];
  #onMessages: ((messages: readonly LinkMessage[]) => void) | null = null;
  #onClose: (() => void) | null = null;
  #isClosed = false;

  constructor(world: SimulatedWorld) {
    this.#lane = world.lane();
  }

  post(messages: readonly LinkMessage[], transfer: readonly unknown[]): void {
    if (this.#isClosed) return;
    const buffers = transfer.filter((item) => item instanceof ArrayBuffer);
    const ports = new Set(transfer.filter((item) => !(item instanceof ArrayBuffer)));
    // Ports cannot be cloned here; the messages that carry one pass as they are.
    const copies = messages.map((message) =>
      message.kind === 'link' && ports.has(message.port)
        ? message
        : structuredClone(message, {
            transfer: buffers.filter((buffer) => refersTo(message, buffer)),
          }),
    );
    const { other } = this;
    this.#lane.pending.push(() => other?.receive(copies));
  }

  onMessages(callback: (messages: readonly LinkMessage[]) => void): void {
    this.#onMessages = callback;
    for (const messages of this.#early.splice(0)) callback(messages);
  }

  receivePending(): void {}

  onClose(callback: () => void): void {
    this.#onClose = callback;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { other } = this;
    this.#lane.pending.push(() => other?.closed());
  }

  receive(messages: readonly LinkMessage[]): void {
    if (!this.#isClosed) {
      // As with a real port, nothing is lost before someone listens.
      if (this.#onMessages === null) this.#early.push(messages);
      else this.#onMessages(messages);
      return;
    }
    // A port that was on its way to an ended thread closes.
    for (const message of messages) {
      if (message.kind === 'link') (message.port as SimulatedPort).close();
    }
  }

  closed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#onClose?.();
  }
}

function refersTo(message: LinkMessage, buffer: ArrayBuffer): boolean {
  if (message.kind === 'data') return message.buffer === buffer;
  return message.kind === 'recycle' && message.buffers.includes(buffer);
}

/** One end of a connection whose bytes arrive in chunks of any size. */
export class SimulatedStream implements ByteStream {
  readonly peer: string;
  other: SimulatedStream | null = null;
  readonly #world: SimulatedWorld;
  readonly #lane: Lane;
  #unread = Buffer.alloc(0);
  #onData: (chunk: Uint8Array) => void = () => {};
  #onClose: (cause: Error | null) => void = () => {};
  #isClosed = false;
  /** The peer is gone and nobody says so: bytes vanish. */
  isSilent = false;

  constructor(world: SimulatedWorld, peer: string) {
    this.#world = world;
    this.#lane = world.lane();
    this.peer = peer;
  }

  write(bytes: Uint8Array, onSent?: () => void): void {
    if (this.#isClosed || this.isSilent) return;
    const copy = Buffer.from(bytes);
    const { other } = this;
    let position = 0;
    while (position < copy.length) {
      const size = this.#world.random.integer(1, Math.min(40_000, copy.length));
      const chunk = copy.subarray(position, position + size);
      this.#lane.pending.push(() => other?.receive(chunk));
      position += size;
    }
    if (onSent !== undefined) this.#lane.pending.push(onSent);
  }

  onData(callback: (chunk: Uint8Array) => void): void {
    this.#onData = callback;
  }

  onClose(callback: (cause: Error | null) => void): void {
    this.#onClose = callback;
  }

  end(): void {
    const { other } = this;
    this.#isClosed = true;
    this.#lane.pending.push(() => other?.closed(null));
  }

  destroy(): void {
    if (!this.#isClosed) this.end();
  }

  /** Both ends lose it at once, whatever is under way. */
  breakNow(): void {
    const cause = new Error('connection reset');
    this.#lane.pending.length = 0;
    if (this.other !== null) this.other.#lane.pending.length = 0;
    this.closed(cause);
    this.other?.closed(cause);
  }

  /** The machine vanishes: no more bytes either way, and no end. */
  fallSilent(): void {
    this.isSilent = true;
    this.#lane.pending.length = 0;
    if (this.other === null) return;
    this.other.isSilent = true;
    this.other.#lane.pending.length = 0;
  }

  receive(chunk: Uint8Array): void {
    if (this.#isClosed) return;
    this.#unread = Buffer.from(chunk);
    this.#onData(this.#unread);
    // The chunk was only valid until now.
    this.#unread.fill(0xee);
  }

  closed(cause: Error | null): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#world.defer(() => this.#onClose(cause));
  }
}
