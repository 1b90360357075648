/**
 * What goes wrong:
 * - `slow-down`: 503, nothing was done. `internal-error`: 500, nothing was done.
 * - `reset`: the connection breaks before anything was done.
 * - `lost-response`: everything was done, then the connection breaks without an answer.
 * - `truncate`: half of the answer's body, then the connection breaks.
 * - `slow-body`: the body comes in eight pieces, `delayMs` apart.
 * - `hang`: no answer, ever.
 */
export const FAULT_KINDS = [
  'slow-down',
  'internal-error',
  'reset',
  'lost-response',
  'truncate',
  'slow-body',
  'hang',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export interface FaultRule {
  readonly kind: FaultKind;
  /** As in S3's API (`GetObject`); all operations without it. */
  readonly operation?: string;
  /** Only keys that contain this. */
  readonly key?: string;
  /** Share of the matching requests, 0 to 1; all without it. */
  readonly rate?: number;
  /** At most this many times. */
  readonly count?: number;
  /** Lets this many matching requests pass first. */
  readonly skip?: number;
  /** For `slow-body`; default 50. */
  readonly delayMs?: number;
}

interface ActiveRule {
  readonly rule: FaultRule;
  seen: number;
  injected: number;
}

/** Decides, from a seed, which request meets which fault. The first rule that applies wins. */
export class Faults {
  readonly #random: () => number;
  #rules: ActiveRule[] = [];
  /** How often each kind was injected since the start. */
  readonly injected = new Map<FaultKind, number>();

  constructor(seed: number, rules: readonly FaultRule[] = []) {
    this.#random = mulberry32(seed);
    for (const rule of rules) this.add(rule);
  }

  add(rule: FaultRule): void {
    this.#rules.push({ rule, seen: 0, injected: 0 });
  }

  clear(): void {
    this.#rules = [];
  }

  decide(operation: string, key: string): FaultRule | null {
    for (const active of this.#rules) {
      const { rule } = active;
      if (rule.operation !== undefined && rule.operation !== operation) continue;
      if (rule.key !== undefined && !key.includes(rule.key)) continue;
      active.seen += 1;
      if (active.seen <= (rule.skip ?? 0)) continue;
      if (active.injected >= (rule.count ?? Number.POSITIVE_INFINITY)) continue;
      if (rule.rate !== undefined && this.#random() >= rule.rate) continue;
      active.injected += 1;
      this.injected.set(rule.kind, (this.injected.get(rule.kind) ?? 0) + 1);
      return rule;
    }
    return null;
  }
}

function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
