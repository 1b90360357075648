import type { EventLog } from '../observability/limited-log.ts';
import type { Clock } from '../time/clock.ts';

/** What a listener spends on those who have not said who they are, and on all together. */
export interface ConnectionLimits {
  /** Connections that have not proved anything yet; one more, and the oldest of them goes. */
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
  /** The connection is gone. */
  closed(): void;
}

/**
 * Keeps a listener open for those who belong there while any number of strangers connect. A stranger
 * holds a place for seconds at most, and when all places are taken the one who has waited longest makes
 * room, not the one who comes: somebody with a certificate or a token needs some milliseconds, so a flood
 * has to bring `pendingMax` connections in that time, again and again, to keep him out.
 */
export class ConnectionGuard {
  readonly #name: string;
  readonly #limits: ConnectionLimits;
  readonly #clock: Clock;
  readonly #log: EventLog;
  /** In the order of their coming. */
  readonly #pending = new Set<{ readonly drop: (why: string | null) => void }>();
  #settled = 0;

  /** `log` gets a line for each that is dropped: bound it. */
  constructor(options: {
    readonly name: string;
    readonly limits: ConnectionLimits;
    readonly clock: Clock;
    readonly log: EventLog;
  }) {
    this.#name = options.name;
    this.#limits = options.limits;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  get counts(): { readonly pending: number; readonly settled: number } {
    return { pending: this.#pending.size, settled: this.#settled };
  }

  /** Ends what has not proved anything; the rest is its owner's. */
  close(): void {
    for (const { drop } of [...this.#pending]) drop(null);
  }

  admit(peer: string, destroy: () => void): Admission {
    const { pendingMax, pendingTimeoutMs, connectionsMax } = this.#limits;
    const [oldest] = this.#pending;
    if (oldest !== undefined && this.#pending.size >= pendingMax) {
      oldest.drop(`${pendingMax} connections have not said who they are, the oldest goes`);
    }
    let state: 'pending' | 'settled' | 'closed' = 'pending';
    const leave = (): void => {
      this.#pending.delete(entry);
      cancelTimer();
    };
    const drop = (why: string | null): void => {
      if (state === 'pending') leave();
      state = 'closed';
      if (why !== null) this.#log('warn', `${this.#name}: ${why}`, { peer });
      destroy();
    };
    const entry = { drop };
    this.#pending.add(entry);
    const cancelTimer = this.#clock.setTimer(pendingTimeoutMs, () =>
      drop(`nobody said who it is within ${pendingTimeoutMs / 1000} s`),
    );
    return {
      settle: () => {
        if (state !== 'pending') return;
        if (this.#settled >= connectionsMax) {
          drop(`more than ${connectionsMax} connections, one is refused`);
          return;
        }
        leave();
        state = 'settled';
        this.#settled += 1;
      },
      closed: () => {
        if (state === 'pending') leave();
        if (state === 'settled') this.#settled -= 1;
        state = 'closed';
      },
    };
  }
}
