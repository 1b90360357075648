/**
 * Every mistake that somebody can make in `sluice.yaml`, with the message it gets: each `<name>.yaml`
 * here is read, and what is printed must be `<name>.txt`. After a change of the messages:
 *
 *   SLUICE_REGENERATE=1 npx node --test test/scenarios/config-errors/*.test.ts
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parseConfig } from '../../../shared/config/read-config-file.ts';
import { formatProblems } from '../../../shared/pipeline/format-problems.ts';

const directory = import.meta.dirname;
const names = readdirSync(directory)
  .filter((file) => file.endsWith('.yaml'))
  .map((file) => file.slice(0, -'.yaml'.length));

describe('mistakes in sluice.yaml', () => {
  for (const name of names) {
    it(`when a configuration has the mistake ${name}, then it is told what, where and what to do`, () => {
      const text = readFileSync(join(directory, `${name}.yaml`), 'utf8');
      const { problems } = parseConfig({ fileName: 'sluice.yaml', text });
      assert.ok(problems.length > 0, 'there is a mistake to find');
      for (const problem of problems) {
        assert.equal(problem.code, 'CONFIG_INVALID');
        assert.equal(problem.domain, 'user');
      }
      const printed = `${formatProblems(problems)}\n`;
      const expectedPath = join(directory, `${name}.txt`);
      if (process.env['SLUICE_REGENERATE'] === '1') writeFileSync(expectedPath, printed);
      assert.equal(printed, readFileSync(expectedPath, 'utf8'));
    });
  }

  it('when the mistakes are counted, then there are at least 15, each expected text with its file', () => {
    assert.ok(names.length >= 15);
    const expected = readdirSync(directory).filter((file) => file.endsWith('.txt'));
    assert.deepEqual(expected.sort(), names.map((name) => `${name}.txt`).sort());
  });
});
