/**
 * The commands that look at a pipeline and run nothing. What `explain` prints lies in
 * `cli-explain/`; after a change of it:
 *
 *   SLUICE_REGENERATE=1 npx node --test test/e2e/cli-pipeline.test.ts
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import packageJson from '../../package.json' with { type: 'json' };
import { check } from '../support/json-schema-check.ts';
import { ROOT, sluice } from '../support/sluice-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { EXAMPLE_IMAGES, EXAMPLE_MODEL } from '../support/watch-job.ts';

const EXAMPLE = join('examples', 'image-classification', 'pipeline.yaml');

/** Two exchanges and a GPU task: more than the example has. */
const EXCHANGES = `name: exchanges
nodes:
  images: { source: files, path: ${EXAMPLE_IMAGES} }
  tensors: { transform: image-tensor, from: images }
  classes:
    transform: onnx
    from: tensors
    model: ${EXAMPLE_MODEL}
    resources: { device: gpu, fallback: cpu }
  counts: { transform: count, from: classes, keyBy: label, parallelism: 2 }
  rows: { sink: print, from: counts }
`;

function assertGolden(name: string, text: string): void {
  const folder = join(import.meta.dirname, 'cli-explain');
  const neutral = text.replaceAll(ROOT.replace(/\/$/, ''), '/sluice');
  if (process.env['SLUICE_REGENERATE'] === '1') {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, name), neutral);
  }
  assert.equal(neutral, readFileSync(join(folder, name), 'utf8'));
}

describe('sluice', () => {
  it('when asked for its version, then it says that of the package, and what is new in it', async () => {
    assert.deepEqual(await sluice(['--version']), {
      code: 0,
      signal: null,
      stdout: `${packageJson.version}\nRelease notes: ${join(ROOT, 'CHANGELOG.md')}\n`,
      stderr: '',
    });
  });

  for (const args of [['--help'], ['help', 'run'], ['cluster', 'up', '--help']]) {
    it(`when asked for ${args.join(' ')}, then it prints to standard output and ends well`, async () => {
      const { code, stdout, stderr } = await sluice(args);
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(stdout, /^Usage: sluice/);
      assert.match(stdout, /\$ sluice /);
    });
  }
});

describe('sluice validate', () => {
  it('when the pipeline is right, then it says which tasks it becomes', async () => {
    const { code, stdout, stderr } = await sluice(['validate', EXAMPLE]);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /pipeline\.yaml is valid: 1 task\(s\): images → tensors → classes/);
  });

  it('when it is right and JSON is asked for, then that says so', async () => {
    const { code, stdout } = await sluice(['validate', EXAMPLE, '--json']);
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(stdout), { valid: true, problems: [], warnings: [] });
  });

  it('when it has mistakes, then JSON gives all of them with their places', async (t) => {
    const path = join(temporaryFolder(t), 'wrong.yaml');
    writeFileSync(
      path,
      'name: wrong\nnodes:\n  a: { source: flies, path: . }\n  b: { sink: print, from: c }\n',
    );
    const { code, stdout, stderr } = await sluice(['validate', path, '--json']);
    assert.deepEqual([code, stderr], [2, '']);
    const { valid, problems } = JSON.parse(stdout) as {
      valid: boolean;
      problems: { code: string; context: Record<string, unknown>; hint: string }[];
    };
    assert.equal(valid, false);
    assert.deepEqual(
      problems.map(({ context }) => [context['line'], context['column']]),
      [
        [3, 16],
        [4, 27],
      ],
    );
    assert.ok(problems.every((problem) => /^[A-Z_]+$/.test(problem.code)));
    assert.match(problems[0]?.hint ?? '', /did you mean "files"/i);
  });

  it('when something is doubtful, then it is valid with a warning', async (t) => {
    const path = join(temporaryFolder(t), 'doubtful.yaml');
    writeFileSync(
      path,
      'name: doubtful\nnodes:\n  a: { source: datagen, count: 5 }\n  b: { sink: blackhole, from: a }\n' +
        'onError: fail\ndeadLetters: { path: ./dead }\n',
    );
    const json = await sluice(['validate', path, '--json']);
    const { valid, warnings } = JSON.parse(json.stdout) as { valid: boolean; warnings: unknown[] };
    assert.deepEqual([json.code, valid, warnings.length], [0, true, 1]);
    const text = await sluice(['validate', path]);
    assert.equal(text.code, 0);
    assert.match(text.stderr, /warning: nothing reaches the dead letters/);
  });
});

describe('sluice explain', () => {
  const formats = [
    ['text', 'txt'],
    ['json', 'json.txt'],
    ['mermaid', 'mmd'],
  ] as const;
  for (const [format, extension] of formats) {
    it(`when the example is explained as ${format}, then it is as it was`, async () => {
      const { code, stdout, stderr } = await sluice(['explain', EXAMPLE, '--format', format]);
      assert.deepEqual([code, stderr], [0, '']);
      if (format === 'json') assert.equal(JSON.parse(stdout).name, 'image-classification');
      assertGolden(`example.${extension}`, stdout);
    });

    it(`when a pipeline with exchanges is explained as ${format}, then it is as it was`, async (t) => {
      const path = join(temporaryFolder(t), 'exchanges.yaml');
      writeFileSync(path, EXCHANGES);
      const slots = ['--slots', '6', '--gpu-slots', '2'];
      const result = await sluice(['explain', path, '--format', format, ...slots]);
      assert.equal(result.code, 0, result.stderr);
      assertGolden(`exchanges.${extension}`, result.stdout);
    });
  }

  it('when the slots are told, then the adaptive tasks have as many subtasks', async () => {
    const args = ['explain', EXAMPLE, '--format', 'json', '--slots', '12'];
    const { tasks } = JSON.parse((await sluice(args)).stdout) as { tasks: { subtasks: number }[] };
    assert.deepEqual(
      tasks.map(({ subtasks }) => subtasks),
      [12],
    );
  });
});

describe('sluice schema', () => {
  it('when an editor uses it, then it takes the example and refuses mistakes', async () => {
    const { code, stdout } = await sluice(['schema']);
    assert.equal(code, 0);
    const schema = JSON.parse(stdout) as Record<string, unknown>;
    assert.equal(schema['$schema'], 'https://json-schema.org/draft/2020-12/schema');
    const example = parse(readFileSync(join(ROOT, EXAMPLE), 'utf8')) as Record<string, unknown>;
    assert.deepEqual(check(schema, example), []);
    assert.deepEqual(check(schema, parse(EXCHANGES)), []);
    const wrong = structuredClone(example) as { nodes: Record<string, Record<string, unknown>> };
    wrong.nodes['images'] = { ...wrong.nodes['images'], watch: 'sometimes' };
    assert.notDeepEqual(check(schema, wrong), []);
    assert.notDeepEqual(check(schema, { ...example, nodse: {} }), []);
    assert.notDeepEqual(check(schema, { name: 'no-nodes' }), []);
  });
});
