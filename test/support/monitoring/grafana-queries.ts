import assert from 'node:assert/strict';

/** What of a dashboard's JSON the tests look at. */
export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly tags: readonly string[];
  readonly refresh: string;
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly links: readonly { readonly type: string; readonly tags: readonly string[] }[];
  readonly templating: { readonly list: readonly Variable[] };
  readonly annotations: { readonly list: readonly Annotation[] };
}

export interface Panel {
  readonly type: string;
  readonly id: number;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly targets?: readonly Target[];
  /** Of a folded row. */
  readonly panels?: readonly Panel[];
}

export interface Target {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat: string;
  readonly instant?: boolean;
  readonly range?: boolean;
  readonly format?: string;
  readonly datasource?: { readonly uid: string };
}

export interface Variable {
  readonly type: string;
  readonly name: string;
  readonly query: string | { readonly query: string };
  readonly multi: boolean;
  readonly includeAll: boolean;
  readonly allValue?: string;
  readonly current?: { readonly value: string | readonly string[] };
}

export interface Annotation {
  readonly name: string;
  readonly expr: string;
}

/** All panels with queries, those of folded rows too. */
export function panelsOf(dashboard: Dashboard): readonly Panel[] {
  return dashboard.panels
    .flatMap((panel) => [panel, ...(panel.panels ?? [])])
    .filter((panel) => panel.type !== 'row');
}

export interface Interpolation {
  /** The values of each variable that are chosen. */
  readonly choices: ReadonlyMap<string, readonly string[]>;
  /** These are all that there are, by the choice "All". */
  readonly isAll: boolean;
  readonly variables: readonly Variable[];
  readonly rangeSeconds: number;
  readonly stepSeconds: number;
  readonly scrapeSeconds: number;
}

/** The expression that Grafana would send to Prometheus. */
export function interpolate(expr: string, options: Interpolation): string {
  const { choices, isAll, variables, rangeSeconds, stepSeconds, scrapeSeconds } = options;
  const rateSeconds = Math.max(stepSeconds + scrapeSeconds, 4 * scrapeSeconds);
  const text = expr
    .replaceAll('$__rate_interval', `${rateSeconds}s`)
    .replaceAll('$__interval', `${stepSeconds}s`)
    .replaceAll('$__range', `${rangeSeconds}s`);
  return text.replace(/\$\{?(\w+)\}?/g, (reference, name: string) => {
    const variable = variables.find((candidate) => candidate.name === name);
    assert.ok(variable !== undefined, `${reference} in ${expr} is no variable of the dashboard`);
    if (isAll && variable.allValue !== undefined) return variable.allValue;
    const escaped = (choices.get(name) ?? []).map(escapeRegex);
    return escaped.length === 1 ? (escaped[0] ?? '') : `(${escaped.join('|')})`;
  });
}

/** As Grafana's data source does it: the backslash itself is inside a string of PromQL. */
function escapeRegex(value: string): string {
  return value.replaceAll('\\', '\\\\\\\\').replace(/[$^*{}[\]'+?.()|]/g, '\\\\$&');
}

/** The parts of `label_values(selector, label)`. */
export function labelValuesQuery(query: string): { selector: string; label: string } {
  const [, selector = '', label = ''] = /^label_values\((.+), *(\w+)\)$/.exec(query) ?? [];
  assert.notEqual(label, '', `${query} is label_values(selector, label)`);
  return { selector, label };
}

export interface Selector {
  readonly metric: string;
  /** That it picks by. */
  readonly labels: readonly string[];
}

/** What an expression reads: every metric, Prometheus' own included. */
export function selectorsIn(expr: string): readonly Selector[] {
  const found = expr.matchAll(/\b(sluice_\w+|up|ALERTS)\b(?:\{([^}]*)\})?/g);
  return [...found].map(([, metric = '', matchers = '']) => ({
    metric,
    labels: [...matchers.matchAll(/(\w+) *(?:=~|!~|!=|=)/g)].map(([, label = '']) => label),
  }));
}

/** Labels that an expression groups by or joins on, and that its legend shows. */
export function groupLabelsIn({ expr, legendFormat }: Target): readonly string[] {
  const lists = [...expr.matchAll(/\b(?:by|on|ignoring|group_left) \(([\w, ]*)\)/g)];
  const grouped = lists.flatMap(([, list = '']) => list.split(/, */));
  const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label);
  return [...new Set([...grouped, ...shown])].filter((label) => label !== '');
}
