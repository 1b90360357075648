/**
 * Every query of every dashboard against a real Prometheus that scraped a real run: the examples' job
 * over S3 on a cluster with TLS, with rejected images, another leader, a failed checkpoint and a killed
 * task manager.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  type Dashboard,
  type Interpolation,
  interpolate,
  labelValuesQuery,
  type Panel,
  panelsOf,
  type Target,
} from '../support/monitoring/grafana-queries.ts';
import { GrafanaRun } from '../support/monitoring/grafana-run.ts';
import type { PrometheusServer } from '../support/monitoring/prometheus-server.ts';
import { ROOT } from '../support/sluice-process.ts';

/** Of the quickened configuration. */
const SCRAPE_SECONDS = 1;
const STEP_SECONDS = 1;
/** What the dashboards show when they are opened. */
const RANGE_SECONDS = 3_600;
/** Panels where 0 is the good answer, or the likely one; all others must have been above it. */
const MAY_BE_ZERO: ReadonlySet<string> = new Set([
  'Failed',
  'Not answering',
  'Failed images',
  'Waiting or running',
  'Images waiting or running',
  'In flight',
  'Back-pressured',
  'Rescales',
  'Rescales so far',
  'Buffers waiting for a task',
  'Buffers waiting for credit',
  'Backlog',
  'Waiting splits',
]);

const FOLDER = join(ROOT, 'monitoring', 'grafana');
const dashboards = readdirSync(join(FOLDER, 'dashboards')).map(
  (file) => JSON.parse(readFileSync(join(FOLDER, 'dashboards', file), 'utf8')) as Dashboard,
);

/** What Grafana does with one dashboard, over what the run left in Prometheus. */
class OpenedDashboard {
  readonly #dashboard: Dashboard;
  readonly #prometheus: PrometheusServer;
  readonly #range: { readonly start: number; readonly end: number };

  constructor(
    dashboard: Dashboard,
    run: { readonly prometheus: PrometheusServer; readonly start: number; readonly end: number },
  ) {
    this.#dashboard = dashboard;
    this.#prometheus = run.prometheus;
    this.#range = { start: run.start, end: run.end };
  }

  /** All, and every value by name: of each variable those that the choices before it leave. */
  async choices(): Promise<readonly Interpolation[]> {
    const { list: variables } = this.#dashboard.templating;
    const base = {
      variables,
      rangeSeconds: RANGE_SECONDS,
      stepSeconds: STEP_SECONDS,
      scrapeSeconds: SCRAPE_SECONDS,
      isAll: false,
    };
    const choices = new Map<string, readonly string[]>();
    for (const { type, name, query } of variables) {
      if (type === 'datasource' || typeof query === 'string') continue;
      const text = interpolate(query.query, { ...base, choices });
      const { label, selector } = labelValuesQuery(text);
      const values = await this.#prometheus.labelValues(label, { selector, ...this.#range });
      assert.ok(values.length > 0, `${text} gives no value`);
      choices.set(name, values);
    }
    return [true, false].map((isAll) => ({ ...base, choices, isAll }));
  }

  /** Of a panel that shows the present, also now. */
  async hasData(panel: Panel, target: Target, options: Interpolation): Promise<boolean> {
    const expr = interpolate(target.expr, options);
    const values = (await this.#series(expr)).filter(Number.isFinite);
    if (!values.some((value) => value !== 0 || MAY_BE_ZERO.has(panel.title))) return false;
    if (target.instant !== true) return true;
    return (await this.#prometheus.query(expr)).some(({ value }) => Number.isFinite(value));
  }

  async hasEvents(expr: string, options: Interpolation): Promise<boolean> {
    return (await this.#series(interpolate(expr, options))).length > 0;
  }

  async #series(expr: string): Promise<readonly number[]> {
    const range = { ...this.#range, stepSeconds: STEP_SECONDS };
    const series = await this.#prometheus.queryRange(expr, range);
    return series.flatMap(({ values }) => values.map(([, value]) => value));
  }
}

test('when a real run was scraped, then every panel of every dashboard has data', async (t) => {
  const { prometheus, startedAt: start } = await GrafanaRun.complete(t);
  const end = Date.now() / 1000;
  for (const dashboard of dashboards) {
    const opened = new OpenedDashboard(dashboard, { prometheus, start, end });
    const panels = panelsOf(dashboard);

    await t.test(`${dashboard.uid}: each query has data`, async (t) => {
      const choices = await opened.choices();
      const queries = panels.flatMap((panel) =>
        (panel.targets ?? []).map((target) => ({ panel, target })),
      );
      const empty = new Map<Target, string>();
      for (const { panel, target } of queries) {
        for (const options of choices) {
          if (await opened.hasData(panel, target, options)) continue;
          empty.set(target, `${panel.title}: ${interpolate(target.expr, options)}`);
        }
      }
      const withData = queries.length - empty.size;
      t.diagnostic(`${panels.length} panels, ${queries.length} queries, ${withData} with data`);
      assert.deepEqual([...empty.values()], []);
    });

    await t.test(`${dashboard.uid}: what happened is marked`, async () => {
      for (const options of await opened.choices()) {
        for (const { name, expr } of dashboard.annotations.list) {
          const isThere = await opened.hasEvents(expr, options);
          // Whether the job starts again to use other slots is its scheduler's affair.
          if (name !== 'Rescales') assert.ok(isThere, `${name}: ${interpolate(expr, options)}`);
        }
      }
    });
  }
});
