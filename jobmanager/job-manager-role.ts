import type { SluiceError } from '../shared/errors/sluice-error.ts';
import type { Logger } from '../shared/observability/logger.ts';
import type { HealthAnswer } from '../shared/rest/rest-types.ts';
import type { Clock } from '../shared/time/clock.ts';
import type { JobManagerTerm } from './job-manager-term.ts';
import {
  LeaderElectionService,
  type LeaderElectionServiceOptions,
} from './leader-election/leader-election-service.ts';
import type { Leadership } from './leader-election/leadership.ts';
import type { LeaderHandlers } from './rest/rest-handlers.ts';
import { ControlGate, notLeader } from './rpc/control-gate.ts';

export interface JobManagerRoleOptions {
  /** Null: without storage, and so without other job managers. */
  readonly beginTerm: (leadership: Leadership | null) => JobManagerTerm;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly shutdownTimeoutMs: number;
}

type ElectionSettings = Omit<
  LeaderElectionServiceOptions,
  'clock' | 'logger' | 'onElected' | 'onDeposed'
>;

/**
 * Whether this job manager leads or stands by, and what follows from it: a term begins with the
 * election, lets task managers in once the jobs of earlier leaders are taken over, and is thrown away
 * when the leadership is lost; then this process is a standby as before, and may lead again.
 */
export class JobManagerRole {
  readonly gate: ControlGate;
  readonly #options: JobManagerRoleOptions;
  #election: LeaderElectionService | null = null;
  #term: JobManagerTerm | null = null;
  /** The term has taken over its jobs. */
  #ready = false;
  #onReady: () => void = () => {};

  constructor(options: JobManagerRoleOptions) {
    this.#options = options;
    this.gate = new ControlGate(() => this.#refusal());
  }

  /** Without storage: from now on, and for ever. */
  leadAlone(): void {
    this.#begin(null);
  }

  /** Resolves once it is known whether this process leads; when it does, its jobs are taken over. */
  async elect(settings: ElectionSettings): Promise<void> {
    const { clock, logger } = this.#options;
    const ready = new Promise<void>((resolve) => {
      this.#onReady = resolve;
    });
    this.#election = new LeaderElectionService({
      ...settings,
      clock,
      logger,
      onElected: (leadership) => this.#begin(leadership),
      onDeposed: () => this.#end(),
    });
    await this.#election.start();
    if (this.#term !== null) await ready;
  }

  /** Throws NOT_LEADER while others lead, or while the jobs are taken over. */
  leading(): LeaderHandlers {
    if (this.#term === null || !this.#ready) throw this.#refusal();
    return this.#term;
  }

  /** What it leads, for the metrics; null while others lead. */
  get term(): JobManagerTerm | null {
    return this.#ready ? this.#term : null;
  }

  health(): HealthAnswer {
    const lease = this.#election?.lease ?? null;
    const { restAddress = '', rpcAddress = '' } = lease ?? {};
    return {
      status: 'ok',
      role: this.#term !== null && this.#ready ? 'leader' : 'standby',
      leader: lease === null || lease.released ? null : { restAddress, rpcAddress },
    };
  }

  async stop(): Promise<void> {
    const term = this.#term;
    if (this.#election === null) {
      if (term !== null) await this.#within(term.cancelJobs());
    } else {
      if (term !== null) await this.#within(term.flush());
      // Ends the term, too.
      await this.#election.release();
    }
    this.#end();
  }

  #begin(leadership: Leadership | null): void {
    const term = this.#options.beginTerm(leadership);
    this.#term = term;
    if (leadership === null) {
      this.#open(term);
      return;
    }
    void term.takeOver().then((done) => {
      if (done && this.#term === term) this.#open(term);
    });
  }

  #open(term: JobManagerTerm): void {
    this.#ready = true;
    this.gate.open(term.resourceManager);
    this.#onReady();
  }

  #end(): void {
    this.gate.close();
    this.#ready = false;
    this.#term?.end();
    this.#term = null;
    this.#onReady();
  }

  #refusal(): SluiceError {
    const { leader } = this.health();
    return notLeader(this.#term === null ? leader : null);
  }

  /** Resolves with the promise, or without it after the time-out. */
  #within(promise: Promise<void>): Promise<void> {
    const { clock, shutdownTimeoutMs } = this.#options;
    return new Promise((resolve, reject) => {
      const cancelTimer = clock.setTimer(shutdownTimeoutMs, resolve);
      promise.then(resolve, reject).finally(cancelTimer);
    });
  }
}
