import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger } from '../../../shared/observability/logger.ts';
import { withoutSecrets } from '../../../shared/observability/without-secrets.ts';

const CASES: Readonly<Record<string, readonly [line: string, expected: string]>> = {
  'a field is deep': [
    '{"a":{"b":{"c":{"secretAccessKey":"hush"}}}}',
    '{"a":{"b":{"c":{"secretAccessKey":"[secret]"}}}}',
  ],
  'a text quotes JSON': [
    String.raw`{"msg":"got {\"token\":\"hush\",\"n\":1}"}`,
    String.raw`{"msg":"got {\"token\":\"[secret]\",\"n\":1}"}`,
  ],
  'a header is quoted': [
    '{"msg":"refused: authorization Bearer hush-hush_123 at /v1"}',
    '{"msg":"refused: authorization Bearer [secret] at /v1"}',
  ],
  'a URL is signed': [
    '{"msg":"GET https://b.s3/x?X-Amz-Signature=hush&part=1"}',
    '{"msg":"GET https://b.s3/x?X-Amz-Signature=[secret]&part=1"}',
  ],
  'a URL has a password': [
    '{"msg":"connect http://me:hush@host:9000/x"}',
    '{"msg":"connect http://[secret]@host:9000/x"}',
  ],
  'there is nothing to hide': [
    '{"msg":"images → classes at s3://bucket/a@b","tokens":3,"path":"/etc/sluice/tokens"}',
    '{"msg":"images → classes at s3://bucket/a@b","tokens":3,"path":"/etc/sluice/tokens"}',
  ],
};

for (const [when, [line, expected]] of Object.entries(CASES)) {
  test(`when ${when}, then the line says no secret and all the rest`, () => {
    assert.equal(withoutSecrets(line), expected);
  });
}

test('when a line is made to be slow, then it is not', { timeout: 20_000 }, () => {
  for (const part of [':', '\\', '"token":', '://a:', 'Bearer ', '?token=']) {
    const line = part.repeat(200_000);
    assert.ok(withoutSecrets(line).length > 0);
  }
});

test('when a secret is logged, then what is kept to be read has none either', () => {
  const logger = createLogger({ level: 'info', format: 'json', stream: { write() {} } });
  logger.info({ deep: { s3: { sessionToken: 'hush' } } }, 'Authorization: Bearer hush-hush-hush');
  const text = logger.recent?.read({ length: 10_000 }).text.toString() ?? '';
  assert.match(text, /Bearer \[secret\]/u);
  assert.doesNotMatch(text, /hush/u);
});
