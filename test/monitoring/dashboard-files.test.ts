/** What can be said of the dashboards without a run: their form, and that they fit the metrics. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { dashboardFiles } from '../../monitoring/grafana/dashboard-files.ts';
import { documentedMetrics } from '../support/monitoring/documented-metrics.ts';
import {
  type Dashboard,
  groupLabelsIn,
  type Panel,
  panelsOf,
  selectorsIn,
} from '../support/monitoring/grafana-queries.ts';
import { ROOT } from '../support/sluice-process.ts';

const FOLDER = join(ROOT, 'monitoring', 'grafana');
const COLUMNS = 24;
const DATASOURCE = { type: 'prometheus', uid: '$' + '{datasource}' };

const dashboards = readdirSync(join(FOLDER, 'dashboards'))
  .toSorted()
  .map((file) => ({
    name: basename(file, '.json'),
    ...(JSON.parse(readFileSync(join(FOLDER, 'dashboards', file), 'utf8')) as Dashboard),
  }));
const panels = dashboards.flatMap((dashboard) =>
  panelsOf(dashboard).map((panel) => ({ panel, where: `${dashboard.uid}, "${panel.title}"` })),
);
const targets = panels.flatMap(({ panel, where }) =>
  (panel.targets ?? []).map((target) => ({ panel, target, where: `${where} ${target.refId}` })),
);

function repeated<Value>(values: readonly Value[]): readonly Value[] {
  return values.filter((value, index) => values.indexOf(value) !== index);
}

/** Rows and what is folded into them included. */
function placed(dashboard: Dashboard): readonly Panel[] {
  return dashboard.panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);
}

test('when the definitions change, then the dashboards are generated again', () => {
  const files = dashboardFiles();
  for (const { path, text } of files) {
    assert.ok(existsSync(path), `${path} is there`);
    const isSame = readFileSync(path, 'utf8') === text;
    assert.ok(isSame, `${path} is not what node monitoring/grafana/generate.ts writes`);
  }
  assert.deepEqual(
    dashboards.map(({ name }) => name),
    files.map(({ path }) => basename(path, '.json')).toSorted(),
    'no other dashboards lie there',
  );
});

test('when Grafana reads the dashboards, then it can tell them apart, link and filter them', () => {
  assert.deepEqual(repeated(dashboards.map(({ title }) => title)), []);
  for (const dashboard of dashboards) {
    const { name, uid, tags, links, refresh, schemaVersion, templating } = dashboard;
    assert.equal(uid, `sluice-${name}`);
    assert.ok(schemaVersion >= 39, 'of Grafana 11 or newer');
    assert.match(refresh, /^\d+[sm]$/);
    assert.deepEqual(tags, ['sluice']);
    assert.ok(links.some((link) => link.type === 'dashboards' && link.tags.includes('sluice')));
    const [first, ...others] = templating.list;
    assert.deepEqual([first?.type, first?.name], ['datasource', 'datasource']);
    assert.ok(others.length > 0);
    for (const { name: variable, multi, includeAll } of others) {
      assert.ok(multi && includeAll, `${variable}: several, or all`);
    }
    assert.deepEqual(repeated(placed(dashboard).map(({ id }) => id)), [], 'ids');
    assert.deepEqual(repeated(placed(dashboard).map(({ title }) => title)), [], 'titles');
  }
});

test('when panels are laid out, then they fill every line and none lies over another', () => {
  for (const dashboard of dashboards) {
    const columns = new Map<number, number>();
    for (const { title, gridPos } of placed(dashboard)) {
      const { x, y, w, h } = gridPos;
      assert.ok(x >= 0 && w > 0 && h > 0 && x + w <= COLUMNS, `"${title}" is inside the grid`);
      const own = ((1 << w) - 1) << x;
      for (let line = y; line < y + h; line += 1) {
        const taken = columns.get(line) ?? 0;
        assert.equal(taken & own, 0, `${dashboard.uid}: "${title}" lies over another panel`);
        columns.set(line, taken | own);
      }
    }
    for (const [line, taken] of columns) {
      assert.equal(taken, (1 << COLUMNS) - 1, `${dashboard.uid}: line ${line} is full`);
    }
    assert.equal(Math.max(...columns.keys()), columns.size - 1, 'no line is empty');
  }
});

test('when somebody looks at a panel, then it says what it shows, in which unit, of whom', () => {
  for (const { panel, where } of panels) {
    assert.ok((panel.description ?? '').length >= 15, `${where} has a description`);
    assert.notEqual(panel.fieldConfig?.defaults.unit ?? '', '', `${where} has a unit`);
    assert.deepEqual(panel.datasource, DATASOURCE, where);
    assert.ok((panel.targets ?? []).length > 0, `${where} has a query`);
    assert.deepEqual(repeated((panel.targets ?? []).map(({ refId }) => refId)), [], where);
  }
  for (const { target, where } of targets) {
    assert.notEqual(target.legendFormat, '', `${where} names its series`);
    assert.deepEqual(target.datasource, DATASOURCE, where);
    assert.notEqual(target.instant, target.range, `${where} is of now or of a range`);
  }
});

test('when a query uses a metric, then the metric and the labels are documented', () => {
  const documented = documentedMetrics();
  const expressions = [
    ...targets.map(({ target, where }) => ({ where, ...target })),
    ...dashboards.flatMap(({ uid, annotations, templating }) => [
      ...annotations.list.map(({ name, expr }) => ({ where: `${uid}, ${name}`, expr })),
      ...templating.list.map(({ name, query }) => ({
        where: `${uid}, $${name}`,
        expr: typeof query === 'string' ? '' : query.query,
      })),
    ]),
  ];
  for (const { where, ...query } of expressions) {
    const selectors = selectorsIn(query.expr);
    for (const { metric, labels } of selectors) {
      const known = documented.get(metric)?.labels;
      assert.ok(known !== undefined, `${where}: ${metric} is in docs/metrics.md`);
      for (const label of labels)
        assert.ok(known.includes(label), `${where}: ${metric} {${label}}`);
    }
    const all = selectors.flatMap(({ metric }) => documented.get(metric)?.labels ?? []);
    for (const label of groupLabelsIn({ refId: '', legendFormat: '', ...query })) {
      assert.ok(all.includes(label), `${where}: no metric has the label ${label}`);
    }
  }
});

test('when a query counts, then it takes the rate of a counter over the window of the graph', () => {
  const documented = documentedMetrics();
  for (const { target, where } of targets) {
    const windows = [...target.expr.matchAll(/\[([^\]]+)\]/g)].map(([, window]) => window);
    for (const window of windows) {
      assert.match(window ?? '', /^\$__(rate_interval|range)$/, where);
    }
    for (const [, metric = ''] of target.expr.matchAll(/(?:rate|increase)\((\w+)\{/g)) {
      assert.notEqual(documented.get(metric)?.type, 'gauge', `${where}: ${metric} is a gauge`);
    }
  }
});

/** Units that fit what an expression gives; the first rule that fits holds. */
const UNITS: readonly (readonly [RegExp, readonly string[]])[] = [
  [/histogram_quantile\(.*_seconds_bucket/, ['s']],
  [/histogram_quantile\(/, ['short']],
  [/_bytes\{.* \/ .*_bytes\{/, ['percentunit']],
  [/_images_total.* \/ .*_runs_total|_sum\{.* \/ .*_count\{/, ['short']],
  [/_seconds_total\{.* \/ .*_images_total|_backlog_splits\{.* \/ /, ['s']],
  [/_age_seconds\{.* \/ .*_interval_seconds/, ['none']],
  [/ \/ /, ['percentunit']],
  [/_seconds_bucket/, ['s']],
  [/^60 \* /, ['cpm']],
  [/rate\(sluice_\w+_bytes_(?:in_|out_)?total/, ['binBps']],
  [/rate\(sluice_\w+_seconds_total/, ['percentunit']],
  [/rate\(/, ['recps', 'reqps', 'cps']],
  [/_bytes\{/, ['bytes']],
  [/_seconds\{/, ['s', 'dtdurations']],
  [/_celsius\{/, ['celsius']],
  [/_watts\{/, ['watt']],
  [/_ratio\{/, ['percentunit']],
  [/./, ['none', 'short']],
];

test('when a panel has a unit, then it is that of its metrics', () => {
  // The columns of tables have units of their own.
  for (const { panel, target, where } of targets.filter(({ panel }) => panel.type !== 'table')) {
    const [, units = []] = UNITS.find(([pattern]) => pattern.test(target.expr)) ?? [];
    const unit = panel.fieldConfig?.defaults.unit ?? '';
    assert.ok(units.includes(unit), `${where} is in ${unit}, should be in ${units.join(' or ')}`);
  }
});

test('when Grafana starts, then it finds the data source and the dashboards', () => {
  const read = (path: string) => parse(readFileSync(join(FOLDER, 'provisioning', path), 'utf8'));
  const { datasources } = read('datasources/sluice.yaml');
  assert.deepEqual(
    datasources.map(({ uid, type }: Record<string, string>) => [uid, type]),
    [['prometheus', 'prometheus']],
  );
  const template = join(ROOT, 'ansible', 'roles', 'metrics', 'templates', 'datasource.yaml.j2');
  assert.match(readFileSync(template, 'utf8'), /^ +uid: prometheus$/m, "Ansible's is the same");
  for (const { uid, templating } of dashboards) {
    assert.equal(templating.list[0]?.current?.value, 'prometheus', `${uid} begins with it`);
  }
  const { providers } = read('dashboards/sluice.yaml');
  assert.deepEqual(
    providers.map(({ type }: Record<string, string>) => type),
    ['file'],
  );
});
