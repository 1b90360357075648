import { parseAddresses } from '../../shared/rpc/job-manager-addresses.ts';

export interface JobManagerLocatorOptions {
  /** `host:port`, several with commas. */
  readonly addresses: string;
  /** What the lease in the storage says; null: nobody leads, or it cannot be read. */
  readonly leaderAddress?: () => Promise<string | null>;
}

/**
 * Which job manager to try next: the one that a standby named, else the one that the lease in the
 * storage names, else the next of the list. The lease may name one that has died: every other time
 * the list has its turn.
 */
export class JobManagerLocator {
  readonly #addresses: readonly string[];
  readonly #leaderAddress: (() => Promise<string | null>) | null;
  #hint: string | null = null;
  #tries = 0;
  #last = '';

  /** Throws ARGUMENT_INVALID for a list without an address. */
  constructor(options: JobManagerLocatorOptions) {
    this.#addresses = parseAddresses(options.addresses);
    this.#leaderAddress = options.leaderAddress ?? null;
  }

  /** The one that was tried last. */
  get current(): string {
    return this.#last;
  }

  /** A standby says who leads; true where it is worth trying at once. */
  follow(address: string): boolean {
    if (address === '' || address === this.#last) return false;
    this.#hint = address;
    return true;
  }

  /** At once, unless the lease has to be read. */
  next(): string | Promise<string> {
    const hint = this.#hint;
    this.#hint = null;
    if (hint !== null) return this.#chosen(hint);
    this.#tries += 1;
    if (this.#leaderAddress === null || this.#tries % 2 === 0) return this.#chosen(this.#listed());
    return this.#leaderAddress().then((address) => this.#chosen(address ?? this.#listed()));
  }

  #listed(): string {
    const turn = this.#leaderAddress === null ? this.#tries - 1 : this.#tries >> 1;
    return this.#addresses[turn % this.#addresses.length] ?? '';
  }

  #chosen(address: string): string {
    this.#last = address;
    return address;
  }
}
