import { SluiceError } from '../errors/sluice-error.ts';

export interface ListenTarget {
  /** What should listen, for the message: `REST`, `the control plane`, `the data plane`… */
  readonly listener: string;
  readonly host: string;
  readonly port: number;
  /** The option that chooses the port, for the hint: `--rest-port`. */
  readonly portOption: string;
}

/** Why a listener could not be opened, in words; understands `node:net`, fastify and gRPC. */
export function listenError(error: unknown, target: ListenTarget): SluiceError {
  const text = error instanceof Error ? error.message : String(error);
  const { listener, host, port, portOption } = target;
  const context = { host, port };
  if (text.includes('EADDRINUSE')) {
    return new SluiceError('PORT_IN_USE', `port ${port} on ${host} is in use (${listener})`, {
      domain: 'user',
      context,
      hint: `end the process that listens there, or choose another port with ${portOption} (0: any free one)`,
    });
  }
  if (text.includes('EACCES')) {
    return new SluiceError(
      'ARGUMENT_INVALID',
      `this user may not listen on port ${port} of ${host} (${listener})`,
      { domain: 'user', context, hint: `choose a port from 1024 up with ${portOption}` },
    );
  }
  if (/EADDRNOTAVAIL|ENOTFOUND|EAI_AGAIN|Name resolution failed/u.test(text)) {
    return new SluiceError(
      'ARGUMENT_INVALID',
      `"${host}" is not an address of this machine (${listener})`,
      { domain: 'user', context, hint: 'choose one of its addresses with --host' },
    );
  }
  return new SluiceError('NETWORK_UNREACHABLE', `cannot listen on ${host}:${port} (${listener})`, {
    domain: 'external',
    context,
    cause: error,
  });
}
