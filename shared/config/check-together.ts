import { SluiceError } from '../errors/sluice-error.ts';
import type { ConfigScope } from './config-key.ts';
import type { ConfigKeyName } from './config-keys.ts';
import { type EffectiveConfig, originText } from './effective-config.ts';

/** Mistakes that no key makes alone. Only of what the process looks at. */
export function checkTogether(
  config: EffectiveConfig,
  scopes: readonly ConfigScope[],
): readonly SluiceError[] {
  const isServer = scopes.includes('job manager') || scopes.includes('task manager');
  return [
    ...(isServer ? tlsTogether(config) : []),
    ...(scopes.includes('job manager') ? heartbeats(config) : []),
    ...(scopes.includes('client') ? tokens(config) : []),
    ...encryption(config),
  ];
}

const TLS_KEYS = ['tls.certificate', 'tls.key', 'tls.authority'] as const;

function tlsTogether(config: EffectiveConfig): readonly SluiceError[] {
  const missing = TLS_KEYS.filter((key) => config.get(key) === null);
  if (missing.length === 0 || missing.length === TLS_KEYS.length) return [];
  const given = TLS_KEYS.filter((key) => !missing.includes(key));
  const names = missing.map((key) => `"${key}"`).join(' and ');
  return [problem(config, given, `TLS needs ${names} too`)];
}

function heartbeats(config: EffectiveConfig): readonly SluiceError[] {
  const keys = ['jobManager.heartbeatTimeout', 'jobManager.heartbeatInterval'] as const;
  const [timeoutMs, intervalMs] = keys.map((key) => config.get(key) ?? 0);
  if (timeoutMs === undefined || intervalMs === undefined || timeoutMs > intervalMs) return [];
  const message = `"${keys[0]}" must be longer than "${keys[1]}": ${timeoutMs} ms, ${intervalMs} ms`;
  return [problem(config, keys, message)];
}

function tokens(config: EffectiveConfig): readonly SluiceError[] {
  const keys = ['client.token', 'client.tokenFile'] as const;
  if (keys.some((key) => config.get(key) === null)) return [];
  return [problem(config, keys, '"client.token" and "client.tokenFile" are both given')];
}

function encryption(config: EffectiveConfig): readonly SluiceError[] {
  const isKms = config.get('s3.encryption') === 'aws:kms';
  if (isKms || config.get('s3.kmsKeyId') === null) return [];
  const message = '"s3.kmsKeyId" is for an "s3.encryption" of aws:kms';
  return [problem(config, ['s3.kmsKeyId', 's3.encryption'], message)];
}

function problem(
  config: EffectiveConfig,
  keys: readonly ConfigKeyName[],
  message: string,
): SluiceError {
  const places = keys.map((key) => `${key}: ${originText(config.entry(key).origin)}`);
  return new SluiceError('CONFIG_INVALID', message, {
    domain: 'user',
    hint: `said by ${places.join(', ')}`,
  });
}
