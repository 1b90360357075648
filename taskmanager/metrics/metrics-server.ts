import { createServer, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Registry } from 'prom-client';
import { invariant } from '../../shared/errors/invariant.ts';
import { limitedLog } from '../../shared/observability/limited-log.ts';
import type { Logger } from '../../shared/observability/logger.ts';
import { hostInAddress } from '../../shared/rpc/host-in-address.ts';
import { listenError } from '../../shared/rpc/listen-error.ts';
import { CONNECTION_LIMITS } from '../../shared/security/connection-guard.ts';
import { guardHttpServer, HTTP_LIMITS, httpsOptions } from '../../shared/security/http-guard.ts';
import type { RefusedConnections } from '../../shared/security/refused-connections.ts';
import type { TlsIdentity } from '../../shared/security/tls-identity.ts';
import type { Clock } from '../../shared/time/clock.ts';

export interface MetricsServer {
  /** `host:port` */
  readonly address: string;
  close(): Promise<void>;
}

export interface MetricsServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Given: HTTPS, for whoever has a certificate of the authority. */
  readonly identity: TlsIdentity | null;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly refused: RefusedConnections;
}

/** Prometheus, its replica and a person; each scrape costs the main thread some milliseconds. */
const CONNECTIONS_MAX = 64;

/** Serves GET /metrics for Prometheus. */
export async function startMetricsServer(
  registry: Registry,
  options: MetricsServerOptions,
): Promise<MetricsServer> {
  const { host, port, identity, clock, logger, refused } = options;
  const answer: RequestListener = (request, response) => {
    guard.settle(request);
    // What a stranger sends need not be a URL.
    const [path] = (request.url ?? '/').split('?');
    if (request.method !== 'GET' || path !== '/metrics') {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('see /metrics\n');
      return;
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      () => response.writeHead(500, { 'content-type': 'text/plain' }).end('see the log\n'),
    );
  };
  const server =
    identity === null
      ? createServer(HTTP_LIMITS, answer)
      : createSecureServer(httpsOptions(identity, { requestCert: true }), answer);
  const guard = guardHttpServer(server, {
    name: 'metrics',
    limits: { ...CONNECTION_LIMITS, connectionsMax: CONNECTIONS_MAX },
    clock,
    log: limitedLog((level, message, context) => logger[level](context, message), clock),
    refused,
    identity,
    settledByHandshake: true,
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      const portOption = '--metrics-port';
      reject(listenError(error, { listener: 'metrics', host, port, portOption }));
    });
    server.listen(port, host, resolve);
  });
  const bound = server.address();
  invariant(bound !== null && typeof bound === 'object', 'it listens on a port');
  return {
    address: `${hostInAddress(host)}:${bound.port}`,
    async close() {
      server.closeAllConnections();
      guard.close();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
