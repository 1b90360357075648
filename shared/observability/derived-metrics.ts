import { Counter, Gauge, type Registry } from 'prom-client';

export type Labels = Readonly<Record<string, string>>;

export interface MeasuredValue {
  readonly labels: Labels;
  readonly value: number;
}

export interface DerivedMetric {
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
  /** Asked at every scrape; what it does not give is not on the page. */
  readonly values: () => Iterable<MeasuredValue>;
}

/**
 * Metrics that count nothing themselves: every scrape reads what other parts know. So what ends leaves
 * the page, and nothing has to be told to forget it.
 */
export function derivedGauge(registry: Registry, metric: DerivedMetric): void {
  const { name, help, labelNames = [], values } = metric;
  new Gauge({
    name,
    help,
    labelNames: [...labelNames],
    registers: [registry],
    collect() {
      this.reset();
      // A gauge without labels is 0 where nothing is known: it must not be there instead.
      if (labelNames.length === 0) this.remove();
      for (const { labels, value } of values()) this.set(labels, value);
    },
  });
}

export function derivedCounter(registry: Registry, metric: DerivedMetric): void {
  const { name, help, labelNames = [], values } = metric;
  new Counter({
    name,
    help,
    labelNames: [...labelNames],
    registers: [registry],
    collect() {
      this.reset();
      if (labelNames.length === 0) this.remove();
      for (const { labels, value } of values()) this.inc(labels, value);
    },
  });
}

/** One value without labels; null: it is not known. */
export function* single(value: number | null): Iterable<MeasuredValue> {
  if (value !== null) yield { labels: {}, value };
}

/** The same answer until the current turn of the event loop ends: a scrape asks for each metric. */
export function oncePerTurn<Value>(read: () => Value): () => Value {
  let known: { readonly value: Value } | null = null;
  return () => {
    if (known !== null) return known.value;
    known = { value: read() };
    queueMicrotask(() => {
      known = null;
    });
    return known.value;
  };
}
