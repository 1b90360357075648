import type { LeaderLease, StoredLease } from '../../shared/rpc/leader-lease.ts';

/** What the election hears. Times are this process's own monotonic milliseconds. */
export type ElectionEvent =
  /** A timer that `wake-at` asked for, or the start. */
  | { readonly kind: 'woke' }
  | { readonly kind: 'read'; readonly operation: number; readonly found: StoredLease | null }
  | { readonly kind: 'written'; readonly operation: number; readonly etag: string }
  /** The condition of a write did not hold; an earlier try of the same write may be the reason. */
  | { readonly kind: 'refused'; readonly operation: number }
  /** No answer: a write may have happened, or happen later. */
  | { readonly kind: 'failed'; readonly operation: number }
  /** A record or a peer has seen this epoch: whoever leads must have a higher one. */
  | { readonly kind: 'epoch-seen'; readonly epoch: number }
  /** The process ends: give the lease back. */
  | { readonly kind: 'release' };

/** What the election wants done, in this order. */
export type ElectionEffect =
  | { readonly kind: 'read'; readonly operation: number }
  | {
      readonly kind: 'write';
      readonly operation: number;
      readonly lease: UndatedLease;
      /** The etag that must still be there; null: nothing must be there. */
      readonly ifMatch: string | null;
    }
  /** Its answer is not waited for any longer; what comes of it is ignored. */
  | { readonly kind: 'give-up'; readonly operation: number }
  | { readonly kind: 'elected'; readonly epoch: number }
  | { readonly kind: 'deposed'; readonly epoch: number; readonly reason: string }
  /** After a `release`, once: the lease is given back, or was not ours. */
  | { readonly kind: 'released' }
  /** Replaces the wake-up asked for before. */
  | { readonly kind: 'wake-at'; readonly atMs: number };

/** `renewedAt` is filled in by the shell, which knows the wall clock. */
export type UndatedLease = Omit<LeaderLease, 'renewedAt'>;

export interface ElectionTiming {
  /** Who sees the lease unchanged for so long may take it over. */
  readonly ttlMs: number;
  /** From one renewal to the next. */
  readonly renewMs: number;
  /** From one look of a standby to the next. */
  readonly pollMs: number;
  /** A leader stops this much before its time is over: clocks do not tick alike. */
  readonly marginMs: number;
  /** An answer of the storage that takes longer is not waited for. */
  readonly operationMs: number;
  /**
   * So much longer a leader goes on that cannot reach the storage, and so does not hear of another
   * one: where the storage is away nobody can take over, and the jobs still need somebody.
   */
  readonly outageMs: number;
}

export const ELECTION_TIMING: ElectionTiming = {
  ttlMs: 3_000,
  renewMs: 1_000,
  pollMs: 500,
  marginMs: 500,
  operationMs: 1_000,
  outageMs: 60_000,
};

export interface ElectionOptions extends ElectionTiming {
  readonly leaderId: string;
  readonly rpcAddress: string;
  readonly restAddress: string;
  readonly hostName: string;
}

type Operation =
  | { readonly kind: 'read'; readonly id: number; readonly startedAtMs: number }
  | {
      readonly kind: 'write';
      readonly id: number;
      readonly startedAtMs: number;
      readonly lease: UndatedLease;
    };

/** A lease as it was last seen, and since when. */
interface Observation {
  readonly lease: UndatedLease;
  readonly etag: string;
  readonly sinceMs: number;
}

/**
 * One candidate's part in the election, as a pure state machine: `step(event, nowMs) → effects`.
 *
 *                 takes the lease                  its time is over, or somebody else took it
 *   standby ─────────────────────► leading ─────────────────────────────────────► standby …
 *
 * Whoever takes over has seen the lease unchanged for `ttlMs` by its own clock and replaces exactly
 * what it saw (compare-and-swap). So with `outageMs` 0 there are never two leaders at a time where
 * clocks tick about alike: a leader wrote the lease, and stops `ttlMs` less a margin after it *began*
 * that write. With more, one that is cut off from the storage may lead for that long beside another
 * one. Nothing depends on it: the epoch fences. The lower one's writes to the jobs' records are
 * refused, and task managers that have heard of the higher one do not obey it.
 *
 * At most one call to the storage is under way. A write without an answer is settled by reading: a
 * lease with our id and epoch is ours, whichever of our writes it was.
 */
export class LeaderElection {
  readonly #options: ElectionOptions;
  #state: 'standby' | 'leading' | 'over' = 'standby';
  /** Only while leading. */
  #epoch = 0;
  /** Only while leading: until when, exclusively. */
  #untilMs = 0;
  /** What lies in the storage, as far as it is known. Null: nothing, or not looked yet. */
  #seen: Observation | null = null;
  #looked = false;
  /** No term may have this epoch or a lower one. */
  #epochFloor = 0;
  /** The lease of the process that had our address before us, when we first looked. */
  #inheritableEtag: string | null = null;
  #isFirstLook = true;
  #operation: Operation | null = null;
  #operations = 0;
  #renewals = 0;
  /** Begin of each write whose outcome is not known, by its `renewals`; none is older than `ttlMs`. */
  readonly #unsettled = new Map<number, number>();
  #nextAtMs = 0;
  /** After a write that did not succeed: the next one waits until then. */
  #writeAfterMs = Number.NEGATIVE_INFINITY;
  #releasing = false;
  #effects: ElectionEffect[] = [];

  constructor(options: ElectionOptions) {
    this.#options = options;
  }

  /** The epoch in which this process may act now; null where it may not. */
  leadingEpoch(nowMs: number): number | null {
    return this.#state === 'leading' && nowMs < this.#untilMs ? this.#epoch : null;
  }

  /** The lease as it was last seen or written. */
  get lease(): UndatedLease | null {
    return this.#seen?.lease ?? null;
  }

  step(event: ElectionEvent, nowMs: number): readonly ElectionEffect[] {
    this.#effects = [];
    if (this.#state !== 'over') {
      if (this.#state === 'leading' && nowMs >= this.#untilMs) {
        this.#depose('the lease could not be renewed in time', nowMs);
      }
      this.#handle(event, nowMs);
      this.#goOn(nowMs);
    }
    return this.#effects;
  }

  #handle(event: ElectionEvent, nowMs: number): void {
    if (event.kind === 'woke') return;
    if (event.kind === 'release') {
      this.#releasing = true;
      if (this.#state === 'leading') this.#depose('it was asked to stop', nowMs);
      this.#nextAtMs = nowMs;
      return;
    }
    if (event.kind === 'epoch-seen') {
      this.#epochFloor = Math.max(this.#epochFloor, event.epoch);
      if (this.#state === 'leading' && event.epoch > this.#epoch) {
        this.#depose(`epoch ${event.epoch} was seen`, nowMs);
      }
      return;
    }
    const operation = this.#operation;
    if (operation === null || operation.id !== event.operation) return;
    this.#operation = null;
    switch (event.kind) {
      case 'read':
        if (operation.kind === 'read') this.#onRead(event.found, nowMs);
        return;
      case 'written':
        if (operation.kind === 'write') this.#onWritten(operation, event.etag, nowMs);
        return;
      case 'refused':
      case 'failed':
        this.#onFailure(operation, nowMs);
        return;
      default:
        event satisfies never;
    }
  }

  // Answers

  #onRead(found: StoredLease | null, nowMs: number): void {
    this.#looked = true;
    if (found === null) {
      this.#seen = null;
      this.#isFirstLook = false;
      if (this.#state === 'leading') this.#depose('the lease was removed', nowMs);
      this.#nextAtMs = nowMs;
      return;
    }
    const { lease, etag } = found;
    if (this.#isFirstLook && this.#isPredecessor(lease)) this.#inheritableEtag = etag;
    this.#isFirstLook = false;
    this.#epochFloor = Math.max(this.#epochFloor, lease.epoch);
    if (this.#seen?.etag !== etag) this.#seen = { lease, etag, sinceMs: nowMs };
    const isOurs = lease.leaderId === this.#options.leaderId;
    const wroteAtMs = isOurs ? this.#unsettled.get(lease.renewals) : undefined;
    if (wroteAtMs !== undefined && !lease.released) {
      this.#lead(lease.epoch, wroteAtMs, nowMs);
    } else if (this.#state === 'leading') {
      const isSameTerm = isOurs && lease.epoch === this.#epoch && !lease.released;
      if (!isSameTerm) this.#depose(`${lease.leaderId} has taken over`, nowMs);
      this.#nextAtMs = nowMs;
    } else {
      const waitMs = Math.min(this.#options.pollMs, this.#freeAtMs(this.#seen) - nowMs);
      this.#nextAtMs = nowMs + (this.#releasing ? 0 : Math.max(0, waitMs));
    }
  }

  #onWritten(operation: Operation & { kind: 'write' }, etag: string, nowMs: number): void {
    const { lease, startedAtMs } = operation;
    this.#epochFloor = Math.max(this.#epochFloor, lease.epoch);
    this.#seen = { lease, etag, sinceMs: nowMs };
    if (lease.released) {
      this.#end();
      return;
    }
    this.#lead(lease.epoch, startedAtMs, nowMs);
  }

  /** The lease is ours, written by a write that began then. */
  #lead(epoch: number, wroteAtMs: number, nowMs: number): void {
    const { ttlMs, marginMs, renewMs, outageMs } = this.#options;
    // Any other write of ours named an etag that is gone.
    this.#unsettled.clear();
    const heldUntilMs = wroteAtMs + ttlMs - marginMs;
    const untilMs = heldUntilMs + outageMs;
    this.#nextAtMs = Math.max(nowMs, wroteAtMs + renewMs);
    if (this.#releasing) {
      this.#nextAtMs = nowMs;
      return;
    }
    if (this.#state === 'leading') {
      this.#untilMs = Math.max(this.#untilMs, untilMs);
      return;
    }
    if (heldUntilMs <= nowMs) {
      // The answer came too late to lead by it; nobody else has the lease: take it anew.
      this.#nextAtMs = nowMs;
      return;
    }
    this.#state = 'leading';
    this.#epoch = epoch;
    this.#untilMs = untilMs;
    this.#effects.push({ kind: 'elected', epoch });
  }

  #onFailure(operation: Operation, nowMs: number): void {
    if (operation.kind === 'write') {
      // Look what lies there, at once; but a storage that refuses fast must not be asked faster.
      this.#looked = false;
      this.#nextAtMs = nowMs;
      this.#writeAfterMs = nowMs + this.#options.pollMs / 2;
      return;
    }
    this.#nextAtMs = nowMs + this.#options.pollMs / 2;
  }

  // What comes next

  #goOn(nowMs: number): void {
    const operation = this.#operation;
    if (operation !== null) {
      const untilMs = operation.startedAtMs + this.#options.operationMs;
      if (nowMs >= untilMs) {
        this.#operation = null;
        this.#effects.push({ kind: 'give-up', operation: operation.id });
        this.#onFailure(operation, nowMs);
      }
    }
    if (this.#operation === null && this.#state !== 'over') {
      if (this.#looked) this.#nextAtMs = Math.max(this.#nextAtMs, this.#writeAfterMs);
      if (nowMs >= this.#nextAtMs) this.#act(nowMs);
    }
    if (this.#state === 'over') return;
    const pending = this.#operation;
    const nextMs =
      pending === null ? this.#nextAtMs : pending.startedAtMs + this.#options.operationMs;
    const atMs = this.#state === 'leading' ? Math.min(nextMs, this.#untilMs) : nextMs;
    this.#effects.push({ kind: 'wake-at', atMs });
  }

  #act(nowMs: number): void {
    if (this.#releasing) {
      this.#giveBack(nowMs);
    } else if (!this.#looked) {
      this.#read(nowMs);
    } else if (this.#state === 'leading') {
      this.#write({ epoch: this.#epoch, released: false }, nowMs);
    } else if (this.#seen === null || nowMs >= this.#freeAtMs(this.#seen)) {
      this.#write({ epoch: this.#epochFloor + 1, released: false }, nowMs);
    } else {
      this.#read(nowMs);
    }
  }

  /** When a standby may take what it sees. */
  #freeAtMs({ lease, etag, sinceMs }: Observation): number {
    const isOurs = lease.leaderId === this.#options.leaderId;
    if (lease.released || isOurs || etag === this.#inheritableEtag) return sinceMs;
    return sinceMs + lease.ttlMs;
  }

  /**
   * Whoever had our address on our host is gone: we listen there now. Believed only at the first
   * look: two that both think so must not take the lease from each other for ever.
   */
  #isPredecessor(lease: UndatedLease): boolean {
    const { hostName, rpcAddress } = this.#options;
    return lease.hostName === hostName && lease.rpcAddress === rpcAddress;
  }

  #giveBack(nowMs: number): void {
    if (!this.#looked) {
      this.#read(nowMs);
      return;
    }
    const seen = this.#seen;
    if (seen === null || seen.lease.leaderId !== this.#options.leaderId || seen.lease.released) {
      this.#end();
      return;
    }
    this.#write({ epoch: seen.lease.epoch, released: true }, nowMs);
  }

  // Small parts

  #read(nowMs: number): void {
    const id = this.#nextOperation();
    this.#operation = { kind: 'read', id, startedAtMs: nowMs };
    this.#effects.push({ kind: 'read', operation: id });
  }

  #write(what: { readonly epoch: number; readonly released: boolean }, nowMs: number): void {
    const { leaderId, rpcAddress, restAddress, hostName, ttlMs } = this.#options;
    for (const [renewals, startedAtMs] of this.#unsettled) {
      if (startedAtMs + ttlMs <= nowMs) this.#unsettled.delete(renewals);
    }
    this.#renewals += 1;
    const lease: UndatedLease = {
      ...what,
      leaderId,
      rpcAddress,
      restAddress,
      hostName,
      ttlMs,
      renewals: this.#renewals,
    };
    const id = this.#nextOperation();
    this.#operation = { kind: 'write', id, startedAtMs: nowMs, lease };
    this.#unsettled.set(this.#renewals, nowMs);
    const ifMatch = this.#seen?.etag ?? null;
    this.#effects.push({ kind: 'write', operation: id, lease, ifMatch });
  }

  #nextOperation(): number {
    this.#operations += 1;
    return this.#operations;
  }

  #depose(reason: string, nowMs: number): void {
    this.#state = 'standby';
    // What is under way belongs to the term that is over: an answer must not revive it.
    if (this.#operation !== null) {
      this.#effects.push({ kind: 'give-up', operation: this.#operation.id });
      this.#operation = null;
    }
    this.#unsettled.clear();
    this.#looked = false;
    this.#nextAtMs = nowMs;
    this.#effects.push({ kind: 'deposed', epoch: this.#epoch, reason });
  }

  #end(): void {
    this.#state = 'over';
    this.#effects.push({ kind: 'released' });
  }
}
