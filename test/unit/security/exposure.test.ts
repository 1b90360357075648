import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SluiceError } from '../../../shared/errors/sluice-error.ts';
import { requireProtection } from '../../../shared/security/exposure.ts';
import { isLoopback } from '../../../shared/security/loopback.ts';

const NOTHING = { insecure: false, hasTls: false, hasTokens: false };

test('when a server listens on loopback, then nothing is asked', () => {
  for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost']) {
    assert.ok(isLoopback(host));
    requireProtection({ ...NOTHING, host });
  }
});

test('when a host is not on loopback, then only TLS and tokens, or an explicit word, allow it', () => {
  for (const host of ['0.0.0.0', '::', '10.0.0.1', 'example.org', '127.example.org', '']) {
    assert.ok(!isLoopback(host), host);
    assert.throws(() => requireProtection({ ...NOTHING, host }), { code: 'ARGUMENT_INVALID' });
    requireProtection({ ...NOTHING, host, insecure: true });
    requireProtection({ host, insecure: false, hasTls: true, hasTokens: true });
    requireProtection({ host, insecure: false, hasTls: true, hasTokens: null });
  }
});

test('when something is missing, then the hint names just that', () => {
  const hint = (given: Partial<typeof NOTHING>): string => {
    try {
      requireProtection({ ...NOTHING, host: '0.0.0.0', ...given });
      return '';
    } catch (error) {
      return (error as SluiceError).hint ?? '';
    }
  };
  assert.match(hint({ hasTls: true }), /^give --tokens \(/);
  assert.match(hint({ hasTokens: true }), /^give --tls-certificate, --tls-key, --tls-authority \(/);
  assert.match(hint({}), /--tls-authority, --tokens \(/);
});
