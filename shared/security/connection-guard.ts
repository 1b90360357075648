import type { EventLog } from '../observability/limited-log.ts';
import type { Clock } from '../time/clock.ts';
import {
  type ListenerName,
  type RefusalReason,
  RefusedConnections,
} from './refused-connections.ts';

/** What a listener spends on those who have not said who they are, and on all together. */
export interface ConnectionLimits {
  /** Connections that have not proved anything yet; one more, and one of them makes room. */
  readonly pendingMax: number;
  /** How long one may take to prove it. */
  readonly pendingTimeoutMs: number;
  /** Connections that have; one more is refused. */
  readonly connectionsMax: number;
}

export const CONNECTION_LIMITS: ConnectionLimits = {
  pendingMax: 256,
  pendingTimeoutMs: 10_000,
  connectionsMax: 1_024,
};

export interface Admission {
  /** The peer is one of ours. */
  settle(): void;
  /** It is let in nowhere, and whoever calls ends it: to be counted. */
  refuse(reason: RefusalReason): void;
  /** The connection is gone. */
  closed(): void;
}

interface Pending {
  readonly host: string;
  readonly drop: (reason: RefusalReason | null, why: string) => void;
}

/**
 * Keeps a listener open for those who belong there while any number of strangers connect. A stranger
 * holds a place for seconds at most, and when all places are taken the host that has most of them makes
 * room, with the one of its connections that has waited longest: a flood from one host pushes nobody out
 * but itself. Somebody with a certificate or a token needs some milliseconds to prove it, so a flood from
 * many hosts has to bring `pendingMax` connections in that time, again and again, to keep him out.
 */
export class ConnectionGuard {
  readonly #name: ListenerName;
  readonly #limits: ConnectionLimits;
  readonly #clock: Clock;
  readonly #log: EventLog;
  readonly #refused: RefusedConnections;
  /** By host, in the order of their coming; no host without any. */
  readonly #pending = new Map<string, Set<Pending>>();
  #pendingCount = 0;
  #settled = 0;

  /** `log` gets a line for each that is dropped: bound it. */
  constructor(options: {
    readonly name: ListenerName;
    readonly limits: ConnectionLimits;
    readonly clock: Clock;
    readonly log: EventLog;
    /** Default: counted for nobody. */
    readonly refused?: RefusedConnections | undefined;
  }) {
    this.#name = options.name;
    this.#limits = options.limits;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#refused = options.refused ?? new RefusedConnections();
    this.#refused.open(options.name);
  }

  get counts(): { readonly pending: number; readonly settled: number } {
    return { pending: this.#pendingCount, settled: this.#settled };
  }

  /** Ends what has not proved anything; the rest is its owner's. */
  close(): void {
    for (const entries of [...this.#pending.values()]) {
      for (const { drop } of [...entries]) drop(null, '');
    }
  }

  admit(peer: string, destroy: () => void): Admission {
    const { pendingMax, pendingTimeoutMs, connectionsMax } = this.#limits;
    if (this.#pendingCount >= pendingMax) this.#makeRoom();
    let state: 'pending' | 'settled' | 'closed' = 'pending';
    const leave = (): void => {
      this.#remove(entry);
      cancelTimer();
    };
    let isRefused = false;
    const refuse = (reason: RefusalReason): void => {
      if (isRefused || state === 'closed') return;
      isRefused = true;
      this.#refused.count(this.#name, reason);
    };
    const drop = (reason: RefusalReason | null, why: string): void => {
      if (reason !== null) refuse(reason);
      if (state === 'pending') leave();
      state = 'closed';
      if (reason !== null) this.#log('warn', `${this.#name}: ${why}`, { peer });
      destroy();
    };
    const entry = { host: hostOf(peer), drop };
    this.#add(entry);
    const cancelTimer = this.#clock.setTimer(pendingTimeoutMs, () =>
      drop('silent', `nobody said who it is within ${pendingTimeoutMs / 1000} s`),
    );
    return {
      settle: () => {
        if (state !== 'pending') return;
        if (this.#settled >= connectionsMax) {
          drop('too_many', `more than ${connectionsMax} connections, one is refused`);
          return;
        }
        leave();
        state = 'settled';
        this.#settled += 1;
      },
      refuse,
      closed: () => {
        if (state === 'pending') leave();
        if (state === 'settled') this.#settled -= 1;
        state = 'closed';
      },
    };
  }

  #add(entry: Pending): void {
    const entries = this.#pending.get(entry.host) ?? new Set();
    this.#pending.set(entry.host, entries.add(entry));
    this.#pendingCount += 1;
  }

  #remove(entry: Pending): void {
    const entries = this.#pending.get(entry.host);
    if (entries?.delete(entry) !== true) return;
    if (entries.size === 0) this.#pending.delete(entry.host);
    this.#pendingCount -= 1;
  }

  /** Of the hosts with the most, the one that has had some for longest. */
  #makeRoom(): void {
    let most: ReadonlySet<Pending> = new Set();
    for (const entries of this.#pending.values()) if (entries.size > most.size) most = entries;
    const [oldest] = most;
    oldest?.drop(
      'displaced',
      `${this.#pendingCount} connections have not said who they are, ${most.size} of them from ` +
        `${oldest.host}: its oldest goes`,
    );
  }
}

function hostOf(peer: string): string {
  return peer.slice(0, peer.lastIndexOf(':'));
}
