import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LatencyHistogram } from '../../../shared/observability/latency-histogram.ts';
import { createLogger } from '../../../shared/observability/logger.ts';
import {
  createMetricsRegistry,
  LatencyHistogramMetric,
} from '../../../shared/observability/metrics-registry.ts';

for (const format of ['json', 'pretty'] as const) {
  test(`when secrets are among the fields, then the ${format} line hides them`, () => {
    const lines: string[] = [];
    const stream = { write: (line: string) => void lines.push(line) };
    const logger = createLogger({ level: 'info', format, stream });
    logger.info({ secretAccessKey: 'hush', s3: { sessionToken: 'hush', region: 'eu' } }, 'started');
    logger.debug({}, 'not written');
    assert.equal(lines.length, 1);
    assert.doesNotMatch(lines.join(''), /hush/u);
    assert.match(lines.join(''), /\[secret\].*eu/u);
    assert.match(lines.join(''), /started/u);
  });
}

test('when latencies are kept elsewhere, then a scrape shows them as a histogram', async () => {
  const registry = createMetricsRegistry('jobmanager');
  const histogram = new LatencyHistogram();
  new LatencyHistogramMetric({
    name: 'sluice_test_seconds',
    help: 'Test.',
    labelNames: ['operator'],
    registry,
    samples: () => [{ labels: { operator: 'classes' }, histogram }],
  });
  histogram.record(3);
  histogram.record(300);
  const page = await registry.metrics();
  const labels = 'process="jobmanager",operator="classes"';
  assert.ok(page.includes(`sluice_test_seconds_bucket{le="0.005",${labels}} 1\n`));
  assert.ok(page.includes(`sluice_test_seconds_bucket{le="0.5",${labels}} 2\n`));
  assert.ok(page.includes(`sluice_test_seconds_bucket{le="+Inf",${labels}} 2\n`));
  assert.ok(page.includes(`sluice_test_seconds_count{${labels}} 2\n`));
  assert.ok(page.includes(`sluice_test_seconds_sum{${labels}} 0.303`));
});
