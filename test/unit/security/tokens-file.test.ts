import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type LogFields, silentLogger } from '../../../shared/observability/logger.ts';
import { TokenRegistry } from '../../../shared/security/token-registry.ts';
import { findToken, hashOf, newToken, parseTokens } from '../../../shared/security/tokens-file.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const line = (role: string, name: string, token: string): string =>
  `${role} ${name} ${hashOf(token).toString('hex')}\n`;

test('when a token is in the file, then it is found, and no other is', () => {
  const token = newToken();
  const text = `# people\n\n${line('viewer', 'anna', 'a')}${line('operator', 'ci', token)}`;
  const entries = parseTokens(text, 'tokens');
  assert.deepEqual(
    entries.map(({ role, name }) => [role, name]),
    [
      ['viewer', 'anna'],
      ['operator', 'ci'],
    ],
  );
  assert.equal(findToken(entries, token)?.name, 'ci');
  for (const wrong of ['', 'b', `${token} `, token.slice(1), 'x'.repeat(10_000)]) {
    assert.equal(findToken(entries, wrong), null);
  }
  // What is in the file opens nothing.
  assert.equal(findToken(entries, hashOf(token).toString('hex')), null);
});

const hash = hashOf('secret').toString('hex');
const WRONG: readonly (readonly [text: string, expected: RegExp])[] = [
  [`boss ci ${hash}`, /line 1: the role is one of viewer, operator, admin/],
  [`# x\nviewer ci`, /line 2: a line is <role> <name> <sha256/],
  [`viewer c/i ${hash}`, /line 1: the name has/],
  [`viewer ci secret`, /line 1: the hash has 64/],
  [`viewer ci ${hash} more`, /line 1: a line is/],
  [`viewer ci ${hash}\nadmin ci ${hash}`, /line 2: "ci" is there twice/],
];

for (const [text, expected] of WRONG) {
  test(`when a tokens file is wrong (${expected.source}), then the line is named, no secret`, () => {
    assert.throws(
      () => parseTokens(text, 'tokens'),
      (error: Error) => expected.test(error.message) && !error.message.includes('secret'),
    );
  });
}

test('when there are more than 1000 tokens, then the file is refused', () => {
  const lines = Array.from({ length: 1001 }, (_, index) => line('viewer', `n${index}`, `${index}`));
  assert.throws(() => parseTokens(lines.join(''), 'tokens'), /more than 1000 tokens/);
});

test('when the file changes, then the tokens do; when it breaks, then the old ones stay', async (t) => {
  const path = join(temporaryFolder(t), 'tokens');
  const logged: LogFields[] = [];
  const logger = { ...silentLogger, error: (fields: LogFields) => logged.push(fields) };
  const clock = new FakeClock();
  writeFileSync(path, line('viewer', 'anna', 'first'));
  const registry = await TokenRegistry.load(path, { clock, logger });
  t.after(() => registry.close());
  assert.equal(registry.find('first')?.role, 'viewer');

  writeFileSync(path, `${line('viewer', 'anna', 'second')}# a new one\n`);
  await eventually(async () => {
    await clock.advance(2_000);
    return registry.find('second')?.name === 'anna';
  });
  assert.equal(registry.find('first'), null, 'a line that is gone is a token that ends');

  writeFileSync(path, 'garbage');
  await eventually(async () => {
    await clock.advance(2_000);
    return logged.length > 0;
  });
  assert.equal(registry.find('second')?.name, 'anna');
  await clock.advance(20_000);
  assert.equal(logged.length, 1, 'said once');
});
