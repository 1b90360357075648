import { SluiceError } from '../errors/sluice-error.ts';

/** Whether only processes of this machine reach a listener on `host`. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/u.test(host);
}

/** Listeners have no authentication yet: off loopback they need an explicit `--insecure`. */
export function requireLoopback(host: string, insecure: boolean): void {
  if (insecure || isLoopback(host)) return;
  throw new SluiceError(
    'ARGUMENT_INVALID',
    `"${host}" is reachable from other machines, and whoever reaches it could run jobs`,
    {
      domain: 'user',
      context: { host },
      hint: 'listen on 127.0.0.1, or add --insecure where the network itself is trusted',
    },
  );
}
