import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { baseName, type DeadLetterRow, type ResultRow, readRows } from '../support/result-rows.ts';
import { ROOT, sluice } from '../support/sluice-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const EXAMPLE = join(ROOT, 'examples', 'image-classification');

function trueLabels(): Map<string, string> {
  const [, ...lines] = readFileSync(join(EXAMPLE, 'images.csv'), 'utf8').trim().split('\n');
  return new Map(lines.map((line) => line.split(',').slice(0, 2) as [string, string]));
}

test('when the example runs, then it ends with a summary, exact rows, and a contact sheet', async (t) => {
  const output = join(temporaryFolder(t), 'out');
  const result = await sluice(['run', join(EXAMPLE, 'pipeline.yaml'), '--set', `output=${output}`]);
  assert.equal(result.code, 0, result.stderr + result.stdout);
  assert.match(result.stdout, /images\/s|\/s over/);
  assert.match(result.stdout, /p99/);
  assert.match(result.stdout, /report\.html/);

  const labels = trueLabels();
  const rows = readRows<ResultRow>(join(output, 'results'));
  assert.equal(rows.length, labels.size, 'one row for each drawing');
  assert.equal(new Set(rows.map((row) => row.uri)).size, rows.length, 'each once');
  const right = rows.filter((row) => {
    const name = [...labels.keys()].find((key) => row.uri.endsWith(`/${key}`)) ?? '';
    return labels.get(name) === row.label;
  });
  assert.ok(right.length / rows.length >= 0.95, `${right.length} of ${rows.length} are right`);

  const dead = readRows<DeadLetterRow>(join(output, 'dead-letters'));
  assert.equal(dead.length, 3, 'the three broken files');
  for (const letter of dead) {
    assert.match(letter.code, /^IMAGE_/);
    assert.ok(letter.message.length > 10 && baseName(letter.uri) !== '');
  }

  const thumbnails = readdirSync(join(output, 'thumbnails'), { recursive: true }).filter((name) =>
    String(name).endsWith('.jpeg'),
  );
  assert.equal(thumbnails.length, rows.length);
  const alerts = readRows<ResultRow>(join(output, 'traffic-lights'));
  assert.ok(alerts.length > 0 && alerts.every((row) => row.label === 'traffic light'));

  assert.ok(existsSync(join(output, 'report.html')));
  const html = readFileSync(join(output, 'report.html'), 'utf8');
  assert.equal(html.match(/<figure>/g)?.length, rows.length);
  assert.ok(!/<script|https?:\/\//.test(html), 'the page loads nothing');
});

test('when the example runs twice into one folder, then the report shows the last run only', async (t) => {
  const output = join(temporaryFolder(t), 'out');
  const args = ['run', join(EXAMPLE, 'pipeline.yaml'), '--set', `output=${output}`];
  for (let run = 0; run < 2; run += 1) assert.equal((await sluice(args)).code, 0);
  const rows = readRows<ResultRow>(join(output, 'results'));
  assert.equal(rows.length, 2 * trueLabels().size, 'a run never overwrites rows of another one');
  const html = readFileSync(join(output, 'report.html'), 'utf8');
  assert.equal(html.match(/<figure>/g)?.length, trueLabels().size);
});
