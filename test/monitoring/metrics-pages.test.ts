/**
 * The pages of a real run: a job over S3 with checkpoints, on a cluster with TLS. What docs/metrics.md
 * lists is there, with these labels, and nothing else.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { get } from 'node:https';
import { join } from 'node:path';
import { test } from 'node:test';
import { documentedRows, metricsPage } from '../support/monitoring/documented-metrics.ts';
import {
  type SecuredMonitoring,
  startSecuredMonitoring,
} from '../support/monitoring/secured-monitoring.ts';
import { runCommand } from '../support/run-command.ts';
import { S3Server } from '../support/s3/s3-server.ts';
import { EXAMPLE_IMAGES, EXAMPLE_MODEL, environmentOf } from '../support/watch-job.ts';

/** Only on machines with a GPU. */
const NOT_HERE = /^sluice_gpu_/;
/** prom-client's, which the document names without a table. */
const OF_NODE = /^sluice_(process|nodejs)_/;

const PIPELINE = `name: images
parallelism: 2
checkpoints: { interval: 200ms }
nodes:
  images: { source: files, path: "${EXAMPLE_IMAGES}", watch: 1s }
  tensors: { transform: image-tensor, from: images }
  classes: { transform: onnx, from: tensors, model: "${EXAMPLE_MODEL}" }
  counts: { transform: count, from: classes, keyBy: label }
  totals: { sink: blackhole, from: counts }
  results: { sink: files, from: classes, path: "s3://bucket/out", roll: { age: 500ms } }
`;

type Labels = ReadonlySet<string>;

test('when a job runs, then both pages have exactly the metrics that are documented', async (t) => {
  const s3 = await S3Server.start({ buckets: ['bucket'] });
  t.after(() => s3.close());
  const server = { endpoint: s3.endpoint, accessKeyId: 'key', secretAccessKey: 'secret' };
  const secured = await startSecuredMonitoring(t, {
    ...environmentOf(server),
    storage: 's3://bucket/storage',
  });
  const { cluster, jobManager, taskManager } = secured;
  const id = await cluster.submit(PIPELINE);
  await cluster.within('no checkpoint completes with all rows', async () => {
    const { checkpoints, progress } = await cluster.rest.job(id);
    const rows = progress.recordsWritten.results ?? 0;
    return rows > 0 && (checkpoints?.counts.completed ?? 0) > 1;
  });
  // Prometheus, with the shipped configuration, reaches both.
  await cluster.within('not all targets are up', async () => {
    const targets = await cluster.prometheus.targets();
    return targets.length === 2 && targets.every(({ health }) => health === 'up');
  });
  for (const [section, address] of [
    ['job-manager-metrics', jobManager.address],
    ['task-manager-metrics', taskManager.address],
  ] as const) {
    const page = await pageAt(address, secured);
    const documented = documentedIn(section);
    const found = samplesOf(page);
    const expected = [...documented.keys()].filter((name) => !NOT_HERE.test(name));
    const present = [...found.keys()].filter((name) => !OF_NODE.test(name));
    assert.deepEqual(present.toSorted(), expected.toSorted(), section);
    for (const name of present) {
      const labels = new Set([...(documented.get(name) ?? []), 'process']);
      assert.deepEqual(found.get(name), labels, `labels of ${name}`);
    }
    const { code, output } = await runCommand('promtool', ['check', 'metrics'], { input: page });
    assert.equal(code, 0, output);
  }
});

/** Names and labels, by the table of the document. */
function documentedIn(section: string): Map<string, Labels> {
  const [, table = ''] =
    new RegExp(`begin: ${section} -->(.*)end: ${section}`, 's').exec(metricsPage()) ?? [];
  return new Map(documentedRows(table).map(({ name, labels }) => [name, new Set(labels)]));
}

/** Names of metrics with a sample, a histogram's by its own name, and the labels of all samples. */
function samplesOf(page: string): Map<string, Labels> {
  const histograms = new Set([...page.matchAll(/^# TYPE (\w+) histogram$/gm)].map(([, n]) => n));
  const found = new Map<string, Set<string>>();
  for (const [, sample = '', labels = ''] of page.matchAll(/^(\w+)(?:\{(.*)\})? \S+$/gm)) {
    const base = sample.replace(/_(bucket|count|sum)$/, '');
    const name = histograms.has(base) ? base : sample;
    const known = found.get(name) ?? new Set();
    found.set(name, known);
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) if (label !== 'le') known.add(label);
  }
  return found;
}

/** As Prometheus asks: with a token, and a certificate of the role `metrics`. */
function pageAt(address: string, { cluster }: SecuredMonitoring): Promise<string> {
  const read = (file: string): string => readFileSync(join(cluster.folder, file), 'utf8');
  const options = {
    ...{ ca: read('tls/ca.crt'), cert: read('tls/tls.crt'), key: read('tls/tls.key') },
    headers: { authorization: `Bearer ${read('sluice.token').trim()}` },
  };
  return new Promise((resolve, reject) => {
    get(`https://${address}/metrics`, options, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.once('end', () => {
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`${response.statusCode}: ${text}`));
      });
    }).once('error', reject);
  });
}
