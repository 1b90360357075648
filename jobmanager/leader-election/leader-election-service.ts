import { SluiceError, serializeError } from '../../shared/errors/sluice-error.ts';
import type { FileSystem } from '../../shared/filesystem/filesystem.ts';
import type { Logger } from '../../shared/observability/logger.ts';
import { encodeLease, readLease } from '../../shared/rpc/leader-lease.ts';
import type { CancelTimer, Clock } from '../../shared/time/clock.ts';
import {
  type ElectionEffect,
  type ElectionEvent,
  type ElectionOptions,
  LeaderElection,
  type UndatedLease,
} from './leader-election.ts';
import type { Leadership } from './leadership.ts';

export interface LeaderElectionServiceOptions extends ElectionOptions {
  readonly fileSystem: FileSystem;
  /** Of the lease. */
  readonly uri: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onElected: (leadership: Leadership) => void;
  /** The term is over; nothing may be written or said in its name any more. */
  readonly onDeposed: (epoch: number, reason: string) => void;
}

/** How long giving the lease back may take when the process ends. */
const RELEASE_TIMEOUT_MS = 2_000;

/**
 * The shell around one LeaderElection: carries out its reads and writes, keeps its timer, and tells
 * when a term begins and ends. Single-threaded.
 */
export class LeaderElectionService {
  readonly #options: LeaderElectionServiceOptions;
  readonly #election: LeaderElection;
  #cancelTimer: CancelTimer = () => {};
  #call: { readonly operation: number; readonly abort: AbortController } | null = null;
  #onReleased: () => void = () => {};
  /** Events that arise while effects are carried out wait, so that steps do not nest. */
  readonly #events: ElectionEvent[] = [];
  #stepping = false;
  #failing = false;
  #settle: () => void = () => {};
  readonly #settled = new Promise<void>((resolve) => {
    this.#settle = resolve;
  });
  #closed = false;

  constructor(options: LeaderElectionServiceOptions) {
    this.#options = options;
    this.#election = new LeaderElection(options);
  }

  /** Whoever leads, as far as it is known; also this process itself. */
  get lease(): UndatedLease | null {
    return this.#election.lease;
  }

  get isLeading(): boolean {
    return this.#election.leadingEpoch(this.#nowMs()) !== null;
  }

  /** Resolves once this process leads, or it is known that it has to wait. */
  start(): Promise<void> {
    this.#step({ kind: 'woke' });
    return this.#settled;
  }

  /** Gives the lease back, so that a successor need not wait, and ends. Never rejects. */
  async release(): Promise<void> {
    if (this.#closed) return;
    await new Promise<void>((resolve) => {
      const cancelTimer = this.#options.clock.setTimer(RELEASE_TIMEOUT_MS, resolve);
      this.#onReleased = () => {
        cancelTimer();
        resolve();
      };
      this.#step({ kind: 'release' });
    });
    this.close();
  }

  /** Ends without giving anything back. */
  close(): void {
    this.#closed = true;
    this.#settle();
    this.#cancelTimer();
    this.#call?.abort.abort();
    this.#call = null;
  }

  #step(event: ElectionEvent): void {
    this.#events.push(event);
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
        if (this.#closed) continue;
        const effects = this.#election.step(next, this.#nowMs());
        for (const effect of effects) this.#carryOut(effect);
        const isAnswer = next.kind === 'read' || next.kind === 'failed';
        if (isAnswer && !effects.some(({ kind }) => kind === 'write')) this.#settle();
      }
    } finally {
      this.#stepping = false;
    }
  }

  #carryOut(effect: ElectionEffect): void {
    const { clock, logger, onElected, onDeposed } = this.#options;
    switch (effect.kind) {
      case 'read':
        this.#read(effect.operation);
        return;
      case 'write':
        this.#write(effect);
        return;
      case 'give-up':
        this.#call?.abort.abort();
        this.#call = null;
        return;
      case 'elected':
        logger.info({ epoch: effect.epoch }, 'this job manager leads');
        onElected(this.#leadership(effect.epoch));
        this.#settle();
        return;
      case 'deposed':
        logger.warn({ epoch: effect.epoch }, `this job manager no longer leads: ${effect.reason}`);
        onDeposed(effect.epoch, effect.reason);
        return;
      case 'released':
        this.#onReleased();
        return;
      case 'wake-at':
        this.#cancelTimer();
        this.#cancelTimer = clock.setTimer(Math.max(0, effect.atMs - this.#nowMs()), () =>
          this.#step({ kind: 'woke' }),
        );
        return;
      default:
        effect satisfies never;
    }
  }

  #read(operation: number): void {
    const { fileSystem, uri } = this.#options;
    this.#start(operation, async (signal) => {
      const found = await readLease(fileSystem, uri, signal);
      return { kind: 'read', operation, found };
    });
  }

  #write({ operation, lease, ifMatch }: Extract<ElectionEffect, { kind: 'write' }>): void {
    const { fileSystem, uri, clock } = this.#options;
    const renewedAt = new Date(clock.nowMs()).toISOString();
    const condition = ifMatch === null ? { ifAbsent: true } : { ifMatch };
    this.#start(operation, async (signal) => {
      const bytes = encodeLease({ ...lease, renewedAt });
      const { etag } = await fileSystem.put(uri, bytes, {
        ...condition,
        signal,
        contentType: 'application/json',
      });
      return { kind: 'written', operation, etag };
    });
  }

  #start(operation: number, call: (signal: AbortSignal) => Promise<ElectionEvent>): void {
    const abort = new AbortController();
    this.#call = { operation, abort };
    call(abort.signal).then(
      (event) => {
        this.#failing = false;
        this.#answered(operation, event);
      },
      (error: unknown) => {
        const isRefused = error instanceof SluiceError && error.code === 'PRECONDITION_FAILED';
        if (!isRefused) this.#warnOnce(error);
        this.#answered(operation, { kind: isRefused ? 'refused' : 'failed', operation });
      },
    );
  }

  #answered(operation: number, event: ElectionEvent): void {
    if (this.#call?.operation === operation) this.#call = null;
    this.#step(event);
  }

  #warnOnce(error: unknown): void {
    if (this.#failing || this.#closed) return;
    this.#failing = true;
    const { logger, uri } = this.#options;
    logger.warn({ uri, error: serializeError(error) }, 'the lease cannot be read or written');
  }

  #leadership(epoch: number): Leadership {
    const { fileSystem, uri, leaderId } = this.#options;
    return {
      epoch,
      isValid: () => this.#election.leadingEpoch(this.#nowMs()) === epoch,
      confirm: async () => {
        const found = await readLease(fileSystem, uri);
        return found?.lease.leaderId === leaderId && found.lease.epoch === epoch;
      },
      superseded: (seen) => this.#step({ kind: 'epoch-seen', epoch: seen }),
    };
  }

  #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }
}
