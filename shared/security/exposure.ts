import { SluiceError } from '../errors/sluice-error.ts';
import { isLoopback } from './loopback.ts';

export interface Exposure {
  readonly host: string;
  readonly insecure: boolean;
  readonly hasTls: boolean;
  /** Null: it has no use for tokens. */
  readonly hasTokens: boolean | null;
}

/** Off loopback a server shows who it is and asks who others are, unless somebody said `--insecure`. */
export function requireProtection({ host, insecure, hasTls, hasTokens }: Exposure): void {
  if (insecure || isLoopback(host)) return;
  const options = hasTls ? [] : ['--tls-certificate', '--tls-key', '--tls-authority'];
  if (hasTokens === false) options.push('--tokens');
  if (options.length === 0) return;
  throw new SluiceError(
    'ARGUMENT_INVALID',
    `"${host}" is reachable from other machines, and whoever reaches it could run jobs`,
    {
      domain: 'user',
      context: { host },
      hint:
        `give ${options.join(', ')} (sluice certs and sluice tokens make the files), listen on ` +
        '127.0.0.1, or add --insecure where the network itself is trusted',
    },
  );
}
