/** The listeners of a process, as logs and metrics name them. */
export const LISTENER_NAMES = ['control plane', 'data plane', 'REST', 'metrics'] as const;

export type ListenerName = (typeof LISTENER_NAMES)[number];

/**
 * Why a connection was ended by a listener:
 * - `handshake`: it did not come through with TLS. `role`: its certificate is for something else.
 * - `token`: it asked with no token, or with a wrong one. `malformed`: what it sent was no HTTP.
 * - `silent`: it did not say who it is in time. `displaced`: it made room for another one meanwhile.
 * - `too_many`: it said who it is, and there were too many already.
 */
export const REFUSAL_REASONS = [
  'handshake',
  'role',
  'token',
  'malformed',
  'silent',
  'displaced',
  'too_many',
] as const;

export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/** Counts the connections that the listeners of a process refused; each once, by its first reason. */
export class RefusedConnections {
  readonly #counts = new Map<ListenerName, Map<RefusalReason, number>>();

  /** A listener that has refused nobody yet is there, too. */
  open(listener: ListenerName): void {
    if (!this.#counts.has(listener)) this.#counts.set(listener, new Map());
  }

  count(listener: ListenerName, reason: RefusalReason): void {
    this.open(listener);
    const reasons = this.#counts.get(listener);
    reasons?.set(reason, (reasons.get(reason) ?? 0) + 1);
  }

  /** Of every listener that was opened, every reason. */
  *totals(): Iterable<{
    readonly listener: ListenerName;
    readonly reason: RefusalReason;
    readonly count: number;
  }> {
    for (const [listener, reasons] of this.#counts) {
      for (const reason of REFUSAL_REASONS) {
        yield { listener, reason, count: reasons.get(reason) ?? 0 };
      }
    }
  }
}
