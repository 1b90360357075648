import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { audit } from '../../../../cli/audit/audit.ts';
import { auditPlan } from '../../../../cli/audit/audit-plan.ts';
import type { AuditReport } from '../../../../cli/audit/audit-report.ts';
import { auditText } from '../../../../cli/output/audit-text.ts';
import { FileSystemRegistry } from '../../../../shared/filesystem/filesystem-registry.ts';
import { compilePipeline } from '../../../../shared/job-graph/compile-pipeline.ts';
import { planNodes } from '../../../../shared/job-graph/job-plan.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { resolveFakeModel } from '../../../support/fake-models.ts';

/** One store a test, written to by hand as sinks would. */
let root: string;
let fileSystems: FileSystemRegistry;
let number = 0;

beforeEach(() => {
  number += 1;
  root = `memory://audit${number}`;
  fileSystems = new FileSystemRegistry({}, { clock: new FakeClock() });
});

const NODES = `  images: { source: files, path: ROOT/in, glob: '**/*.jpg' }
  tensors: { transform: image-tensor, from: images }
  classes: { transform: onnx, from: tensors, model: model.onnx }
  results: { sink: files, from: classes, path: ROOT/out/results }
  thumbs: { sink: thumbnails, from: classes, path: ROOT/out/thumbs }
  lights: { transform: filter, from: classes, where: score > 0.5 }
  alerts: { sink: files, from: lights, path: ROOT/out/alerts, format: csv }
`;

async function auditOf(nodes = NODES): Promise<AuditReport> {
  const text = `name: p\nnodes:\n${nodes}deadLetters: { path: ROOT/out/rejected }\n`;
  const compiled = await compilePipeline({
    text: text.replaceAll('ROOT', root),
    fileName: 'p.yaml',
    baseDirectory: '/',
    parameters: {},
    resolveModel: resolveFakeModel,
  });
  assert.ok(compiled.ok, JSON.stringify(compiled));
  const plan = auditPlan(planNodes(compiled.graph));
  return audit({ plan, fileSystems, offencesMax: Number.POSITIVE_INFINITY });
}

interface Written {
  readonly uri: string;
  readonly etag: string;
}

async function put(path: string, text: string): Promise<Written> {
  const uri = `${root}/${path}`;
  const { etag } = await fileSystems.forUri(uri).put(uri, new TextEncoder().encode(text));
  return { uri, etag };
}

const putImage = (name: string): Promise<Written> => put(`in/${name}`, `content of ${name}`);
const putThumb = (name: string): Promise<Written> => put(`out/thumbs/${name}`, 'small');

let part = 0;

function putRows(sink: string, rows: readonly object[]): Promise<Written> {
  part += 1;
  const lines = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  return put(`out/${sink}/part-${sink}-0-ab12-0-${part}.jsonl`, lines);
}

function putAlerts(rows: readonly Written[]): Promise<Written> {
  part += 1;
  const lines = rows.map(({ uri, etag }) => `"${uri}",${etag},0.9\r\n`).join('');
  return put(`out/alerts/part-alerts-1-ab12-0-${part}.csv`, `uri,etag,score\r\n${lines}`);
}

function putRejected(rows: readonly (Written & { readonly node: string })[]): Promise<Written> {
  part += 1;
  const lines = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  return put(`out/rejected/rejected-images.dead-letters-0-ab12-0-${part}.jsonl`, lines);
}

/** Three images, of which the third is rejected and the first raised an alert. */
async function finishedJob(): Promise<readonly [Written, Written, Written]> {
  const a = await putImage('a.jpg');
  const b = await putImage('deep/b.jpg');
  const c = await putImage('c.jpg');
  await putImage('notes.txt');
  await putRows('results', [a]);
  await putRows('results', [b]);
  await putThumb('a.jpeg');
  await putThumb('deep/b.jpeg');
  await putAlerts([a]);
  await putRejected([{ ...c, node: 'tensors' }]);
  return [a, b, c];
}

const offencesOf = (report: AuditReport): string[] =>
  report.offences.map(({ kind, sink, uri, count }) => {
    return `${kind} ${sink} ${uri.slice(root.length + 1)} ${count}`;
  });

test('when every object left one row and one thumbnail or a dead letter, then it is exact', async () => {
  await finishedJob();
  const report = await auditOf();
  assert.deepEqual(offencesOf(report), []);
  assert.equal(report.exact, true);
  assert.deepEqual([report.objects, report.deadLetters], [3, 1]);
  assert.deepEqual(
    report.sinks.map(({ id, expected, found }) => `${id} ${expected} ${found}`),
    ['results exactly 1 2', 'thumbs exactly 1 2', 'alerts 0 to 1 1'],
  );
  assert.match(auditText(report), /exact: each of 3 object versions left what it must$/);
});

test('when a row is written twice, then that object is named', async () => {
  const [a, b] = await finishedJob();
  await putRows('results', [b]);
  await putAlerts([a]);
  const report = await auditOf();
  assert.equal(report.exact, false);
  assert.deepEqual(offencesOf(report).toSorted(), [
    'double alerts in/a.jpg 2',
    'double results in/deep/b.jpg 2',
  ]);
  assert.match(auditText(report), /\n {2}2 in results: memory:\/\/audit\d+\/in\/deep\/b\.jpg\n/);
});

test('when a row and a thumbnail are missing, then their objects are named', async () => {
  await finishedJob();
  await putImage('d.jpg');
  const report = await auditOf();
  assert.deepEqual(offencesOf(report), ['missing results in/d.jpg 0', 'missing thumbs in/d.jpg 0']);
});

test('when an object has both a row and a dead letter, then that is one too many', async () => {
  const [a] = await finishedJob();
  await putRejected([{ ...a, node: 'classes' }]);
  const report = await auditOf();
  assert.deepEqual(offencesOf(report), [
    'double results in/a.jpg 2',
    'double thumbs in/a.jpg 2',
    'double alerts in/a.jpg 2',
  ]);
});

test('when only the thumbnail was rejected, then its dead letter stands for it alone', async () => {
  await finishedJob();
  const d = await putImage('d.jpg');
  await putRows('results', [d]);
  await putRejected([{ ...d, node: 'thumbs' }]);
  assert.deepEqual(offencesOf(await auditOf()), []);
});

test('when two objects have the same key, then one thumbnail is lost, and it is said', async () => {
  const images = [await putImage('a.jpg'), await putImage('a.png')];
  await putRows('results', images);
  await putThumb('a.jpeg');
  const nodes = NODES.replace('**/*.jpg', '**');
  assert.deepEqual(offencesOf(await auditOf(nodes)), ['shared thumbs in/a.png 2']);
});

test('when the key needs a field of the record, then the rows give it', async () => {
  const nodes = NODES.replace('out/thumbs }', "out/thumbs, key: '{label}/{name}.{format}' }");
  const a = await putImage('a.jpg');
  const b = await putImage('b.jpg');
  await putRows('results', [
    { ...a, label: 'car' },
    { ...b, label: 'bus' },
  ]);
  await putThumb('car/a.jpeg');
  await putThumb('bus/b.jpeg');
  assert.deepEqual(offencesOf(await auditOf(nodes)), []);
  await putThumb('bus/a.jpeg');
  assert.deepEqual(offencesOf(await auditOf(nodes)), [
    'unaccounted thumbs out/thumbs/bus/a.jpeg 1',
  ]);
});

test('when nothing tells what the key was, then it is not exact, and the reason is given', async () => {
  const nodes = NODES.replace('out/thumbs }', "out/thumbs, key: '{label}.{format}' }").replace(
    'out/results }',
    'out/results, fields: [uri, etag] }',
  );
  await finishedJob();
  const report = await auditOf(nodes);
  assert.equal(report.exact, false);
  assert.match(auditText(report), /thumbs cannot be checked: its key needs \{label\}/);
});

test('when the rows do not say which object they are of, then that is the reason', async () => {
  const nodes = NODES.replace('out/results }', 'out/results, fields: [label] }');
  const report = await auditOf(nodes);
  assert.match(auditText(report), /results cannot be checked: its rows have no uri and etag/);
});

test('when a file was overwritten, then its versions count one by one only where they are processed', async () => {
  const old = await putImage('a.jpg');
  await putRows('results', [old]);
  await putThumb('a.jpeg');
  const uri = old.uri;
  const bytes = new TextEncoder().encode('written again, and longer');
  const { etag } = await fileSystems.forUri(uri).put(uri, bytes);
  assert.notEqual(etag, old.etag);
  assert.deepEqual(offencesOf(await auditOf()), []);
  const processing = NODES.replace("'**/*.jpg' }", "'**/*.jpg', overwrites: process, watch: 1s }");
  const before = await auditOf(processing);
  assert.deepEqual(offencesOf(before), ['missing results in/a.jpg 0']);
  assert.equal(before.sinks[0]?.unlisted, 1);
  await putRows('results', [{ uri, etag }]);
  assert.deepEqual(offencesOf(await auditOf(processing)), []);
});

test('when a removed object has two rows, then that is double all the same', async () => {
  const [a] = await finishedJob();
  await fileSystems.forUri(a.uri).delete(a.uri);
  assert.deepEqual(offencesOf(await auditOf()), []);
  await putRows('results', [a]);
  assert.deepEqual(offencesOf(await auditOf()), ['double results in/a.jpg 2']);
});

test('when a line is broken, then it is counted and its file named', async () => {
  await finishedJob();
  await put('out/results/part-results-7-ab12-0-0.jsonl', '{"uri": "x", "et\n');
  const report = await auditOf();
  assert.deepEqual(offencesOf(report), [
    'unreadable results out/results/part-results-7-ab12-0-0.jsonl 1',
  ]);
});

test('when a sink gets the same objects on two ways, then two rows are right', async () => {
  const nodes = `  images: { source: files, path: ROOT/in }
  left: { transform: map, from: images, fields: { side: '"left"' } }
  right: { transform: map, from: images, fields: { side: '"right"' } }
  results: { sink: files, from: [left, right], path: ROOT/out/results }
`;
  const a = await putImage('a.jpg');
  await putRows('results', [a]);
  assert.deepEqual(offencesOf(await auditOf(nodes)), ['missing results in/a.jpg 1']);
  await putRows('results', [a]);
  assert.deepEqual(offencesOf(await auditOf(nodes)), []);
});

test('when nothing is per object, then there is nothing to audit', async () => {
  const counted = `  images: { source: files, path: ROOT/in }
  counts: { transform: count, from: images, keyBy: uri }
  results: { sink: files, from: counts, path: ROOT/out/results }
`;
  await assert.rejects(auditOf(counted), { code: 'ARGUMENT_INVALID', message: /nothing to audit/ });
  const generated = `  numbers: { source: datagen, count: 1 }
  results: { sink: files, from: numbers, path: ROOT/out/results }
`;
  await assert.rejects(auditOf(generated), { message: /reads no files/ });
});
