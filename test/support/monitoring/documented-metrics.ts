/** What docs/metrics.md says of the metrics, for tests of what uses them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../sluice-process.ts';

export interface DocumentedMetric {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
}

/** Beside a metric's own: of the process, and what Prometheus and its configuration add. */
const LABELS_OF_ALL = ['process', 'job', 'instance', 'deployment', 'host'];

/** Of prom-client: the page names them in its text. */
const OF_NODE: Readonly<Record<string, DocumentedMetric>> = {
  sluice_process_cpu_seconds_total: { type: 'counter', labels: [] },
  sluice_process_resident_memory_bytes: { type: 'gauge', labels: [] },
};

/** Of Prometheus itself; alerts keep the labels of what they are about. */
const OF_PROMETHEUS: Readonly<Record<string, DocumentedMetric>> = {
  up: { type: 'gauge', labels: [] },
  ALERTS: { type: 'gauge', labels: ['alertname', 'alertstate', 'severity', 'job_name'] },
};

const ROW =
  /^\| `(?<name>sluice_\w+)` +\| (?<type>counter|gauge|histogram) +\| (?<labels>[^|]*)\|/gm;

/** The whole of docs/metrics.md. */
export function metricsPage(): string {
  return readFileSync(join(ROOT, 'docs', 'metrics.md'), 'utf8');
}

/** The rows of the page's tables, or of those in a part of it. */
export function documentedRows(
  text: string,
): readonly (DocumentedMetric & { readonly name: string })[] {
  return [...text.matchAll(ROW)].map(({ groups = {} }) => ({
    name: groups['name'] ?? '',
    type: groups['type'] as DocumentedMetric['type'],
    labels: [...(groups['labels'] ?? '').matchAll(/`(\w+)`/g)].map(([, label = '']) => label),
  }));
}

/** By the names that queries use: of a histogram those of its series. */
export function documentedMetrics(): ReadonlyMap<string, DocumentedMetric> {
  const page = metricsPage();
  const ofNode = Object.entries(OF_NODE).filter(([name]) => page.includes(`\`${name}\``));
  const all: [string, DocumentedMetric][] = [...Object.entries(OF_PROMETHEUS), ...ofNode];
  for (const { name, type, labels } of documentedRows(page)) {
    if (type !== 'histogram') all.push([name, { type, labels }]);
    else {
      all.push([`${name}_bucket`, { type, labels: [...labels, 'le'] }]);
      for (const part of ['sum', 'count']) all.push([`${name}_${part}`, { type, labels }]);
    }
  }
  return new Map(
    all.map(([name, { type, labels }]) => [name, { type, labels: [...labels, ...LABELS_OF_ALL] }]),
  );
}
