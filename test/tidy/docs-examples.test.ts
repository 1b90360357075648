import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseModelYaml } from '../../shared/model/model-yaml.ts';
import { parsePipeline } from '../../shared/pipeline/parse-pipeline.ts';

const folder = new URL('../../docs/', import.meta.url);
const pages = readdirSync(folder).filter((name) => name.endsWith('.md'));

/** The YAML blocks of all pages. */
const blocks = pages.flatMap((page) =>
  [...readFileSync(new URL(page, folder), 'utf8').matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(
    (match) => ({ page, text: match[1] ?? '' }),
  ),
);

test('when a page shows a whole pipeline, then it has no mistake', () => {
  const pipelines = blocks.filter(({ text }) => /^nodes:/m.test(text));
  assert.ok(pipelines.length > 0);
  for (const { page, text } of pipelines) {
    const parsed = parsePipeline({
      text,
      fileName: page,
      baseDirectory: '/',
      values: /^ {2}images: .*type: path/m.test(text) ? { images: './images' } : {},
    });
    assert.deepEqual(parsed.ok ? [] : parsed.problems.map(({ message }) => message), []);
  }
});

test('when a page shows a model.yaml, then it has no mistake', () => {
  const models = blocks.filter(({ text }) => /^file: .*\.onnx/m.test(text));
  assert.ok(models.length > 0);
  for (const { page, text } of models) assert.ok(parseModelYaml(text, `file:///${page}`));
});

test('when a page links to a file of the project, then the file is there', () => {
  const missing = pages.flatMap((page) =>
    [...readFileSync(new URL(page, folder), 'utf8').matchAll(/\]\((?!https?:|#)([^)#]+)/g)]
      .map((match) => match[1] ?? '')
      .filter((target) => !exists(new URL(target, new URL(page, folder))))
      .map((target) => `${page}: ${target}`),
  );
  assert.deepEqual(missing, []);
});

function exists(file: URL): boolean {
  try {
    return readFileSync(file).length >= 0;
  } catch {
    return false;
  }
}
