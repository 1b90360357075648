/**
 * Every mistake that a pipeline's author can make, with the message it gets: each `<name>.yaml` here
 * is compiled, and what is printed must be `<name>.txt`. A first line `# --set name=value …` gives
 * parameters. After a change of the messages:
 *
 *   SLUICE_REGENERATE=1 npx node --test test/scenarios/pipeline-errors/*.test.ts
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { deserializeError, serializeError } from '../../../shared/errors/sluice-error.ts';
import { compilePipeline } from '../../../shared/job-graph/compile-pipeline.ts';
import { formatProblems } from '../../../shared/pipeline/format-problems.ts';
import { resolveFakeModel } from '../../support/fake-models.ts';

const directory = import.meta.dirname;
const names = readdirSync(directory)
  .filter((file) => file.endsWith('.yaml'))
  .map((file) => file.slice(0, -'.yaml'.length));

describe('mistakes in pipelines', () => {
  for (const name of names) {
    it(`when a pipeline has the mistake ${name}, then it is told what, where and what to do`, async () => {
      const text = readFileSync(join(directory, `${name}.yaml`), 'utf8');
      const result = await compilePipeline({
        text,
        fileName: 'pipeline.yaml',
        baseDirectory: '/work',
        parameters: parametersOf(text),
        resolveModel: resolveFakeModel,
      });
      const problems = result.ok ? [] : result.problems;
      assert.ok(problems.length + result.warnings.length > 0, 'there is a mistake to find');
      for (const problem of problems) assert.equal(problem.domain, 'user');
      const printed = `${formatProblems([...problems, ...result.warnings])}\n`;

      // Over REST the same text comes out.
      const travelled = [...problems, ...result.warnings].map(serializeError);
      assert.equal(`${formatProblems(travelled)}\n`, printed);
      assert.equal(`${formatProblems(travelled.map(deserializeError))}\n`, printed);

      const expectedPath = join(directory, `${name}.txt`);
      if (process.env['SLUICE_REGENERATE'] === '1') writeFileSync(expectedPath, printed);
      assert.equal(printed, readFileSync(expectedPath, 'utf8'));
    });
  }

  it('when the mistakes are counted, then there are at least 25, each expected text with its file', () => {
    assert.ok(names.length >= 25);
    const expected = readdirSync(directory).filter((file) => file.endsWith('.txt'));
    assert.deepEqual(expected.sort(), names.map((name) => `${name}.txt`).sort());
  });
});

function parametersOf(text: string): Record<string, string> {
  const [first = ''] = text.split('\n', 1);
  const settings = first.matchAll(/--set (\w+)=(\S*)/g);
  return Object.fromEntries([...settings].map(([, name = '', value = '']) => [name, value]));
}
