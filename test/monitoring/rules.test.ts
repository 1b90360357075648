/** Prometheus' configuration and the alert rules, by promtool and against the documents. */
import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parse } from 'yaml';
import { documentedRows, metricsPage } from '../support/monitoring/documented-metrics.ts';
import { MONITORING } from '../support/monitoring/monitored-cluster.ts';
import { quickConfig, quickRules } from '../support/monitoring/quick-rules.ts';
import { mustRun } from '../support/run-command.ts';
import { TestAuthority } from '../support/security/test-authority.ts';
import { ROOT } from '../support/sluice-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

interface UnitTests {
  readonly tests: readonly {
    readonly alert_rule_test: readonly {
      readonly alertname: string;
      readonly exp_alerts?: readonly object[];
    }[];
  }[];
}

const DOCUMENT = 'docs/monitoring-alerts.md';
/** What Prometheus says itself, and prom-client's, which docs/metrics.md names without a table. */
const NOT_OURS = /^(up|sluice_process_.*)$/;

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const filesOf = (folder: string): string[] =>
  readdirSync(join(MONITORING, folder)).map((name) => join(MONITORING, folder, name));

const alerts = filesOf('rules').flatMap((file) => {
  const { groups } = parse(readFileSync(file, 'utf8')) as { groups: { rules: Alert[] }[] };
  return groups.flatMap(({ rules }) => rules);
});
const names = alerts.map(({ alert }) => alert).toSorted();

/** The folder as an operator has it: with targets, a certificate and a token. */
async function installed(t: TestContext): Promise<string> {
  const folder = temporaryFolder(t);
  cpSync(MONITORING, folder, { recursive: true });
  for (const role of ['job-managers', 'task-managers']) {
    cpSync(join(folder, 'targets', `${role}.example`), join(folder, 'targets', `${role}.yml`));
  }
  const authority = await TestAuthority.create(join(folder, 'ca'));
  const { certificate } = await authority.issue('metrics', { roles: ['metrics'] });
  cpSync(dirname(certificate), join(folder, 'tls'), { recursive: true });
  cpSync(certificate, join(folder, 'sluice.token'));
  return folder;
}

test('when promtool reads each configuration with its rules and targets, then all are valid', async (t) => {
  const folder = await installed(t);
  const configs = readdirSync(folder).filter((name) => name.endsWith('.yml'));
  assert.deepEqual(configs, ['prometheus-ec2.yml', 'prometheus-tls.yml', 'prometheus.yml']);
  for (const config of configs) {
    const output = await mustRun('promtool', ['check', 'config', join(folder, config)]);
    assert.match(output, new RegExp(`${alerts.length} rules found`), config);
  }
});

test('when promtool runs the unit tests of the rules, then all pass', async () => {
  await mustRun('promtool', ['test', 'rules', ...filesOf('tests')]);
});

test('when there is an alert, then unit tests say when it fires and when it does not', () => {
  const fires = new Set<string>();
  const doesNot = new Set<string>();
  for (const file of filesOf('tests')) {
    const { tests } = parse(readFileSync(file, 'utf8')) as UnitTests;
    for (const { alertname, exp_alerts: expected = [] } of tests.flatMap(
      ({ alert_rule_test: checks }) => checks,
    )) {
      (expected.length > 0 ? fires : doesNot).add(alertname);
    }
  }
  assert.deepEqual([...fires].toSorted(), names);
  assert.deepEqual([...doesNot].toSorted(), names);
});

test('when there is an alert, then a test makes its cause happen and go away', () => {
  const folder = join(ROOT, 'test', 'monitoring');
  const tests = readdirSync(folder).filter((name) => /^alerts-.*\.test\.ts$/.test(name));
  const text = tests.map((name) => readFileSync(join(folder, name), 'utf8')).join('\n');
  const tested = new Set([...text.matchAll(/'(Sluice\w+)'/g)].map((match) => match[1]));
  assert.deepEqual([...tested].toSorted(), names);
});

test('when there is an alert, then it says how bad it is and points to a section of its own', () => {
  const sections = [...read(DOCUMENT).matchAll(/^### (Sluice\w+)$/gm)].map((match) => match[1]);
  assert.deepEqual(sections.toSorted(), names);
  for (const { alert, labels, annotations } of alerts) {
    assert.match(labels.severity ?? '', /^(warning|critical)$/, alert);
    assert.deepEqual(Object.keys(annotations), ['summary', 'description', 'runbook'], alert);
    assert.equal(annotations.runbook, `${DOCUMENT}#${alert.toLowerCase()}`);
  }
});

test('when a rule asks for a metric, then docs/metrics.md has it, with these labels', () => {
  const documented = new Map(
    documentedRows(metricsPage()).map(({ name, labels }) => [name, labels]),
  );
  for (const { alert, expr } of alerts) {
    const used = [...expr.matchAll(/\b(up|sluice_\w+)(?:\{([^}]*)\})?/g)];
    assert.notEqual(used.length, 0, alert);
    for (const [, metric = '', matchers = ''] of used) {
      if (NOT_OURS.test(metric)) continue;
      const labels = documented.get(metric.replace(/_(bucket|count|sum)$/, ''));
      assert.ok(labels !== undefined, `${alert} asks for ${metric}, which is not documented`);
      for (const [, label = ''] of matchers.matchAll(/(\w+)(?==|!=)/g)) {
        assert.ok(labels.includes(label), `${alert}: ${metric} has no label ${label}`);
      }
    }
  }
});

test('when rules are made quicker for tests, then only their times change', () => {
  const rule = `
        expr: rate(a[5m]) > 10 and b offset 1d > 14 * 86400 # 5m
        for: 30m
        summary: for 30m`;
  assert.equal(
    quickRules(rule),
    `
        expr: rate(a[5000ms]) > 10 and b offset 1440000ms > 14 * 86400 # 5m
        for: 30000ms
        summary: for 30m`,
  );
  assert.match(quickConfig('  scrape_interval: 15s\n'), /^ {2}scrape_interval: 1s\n$/);
});
