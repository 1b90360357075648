import { createServer } from 'node:http';
import type { Registry } from 'prom-client';
import { invariant } from '../../shared/errors/invariant.ts';
import { listenError } from '../../shared/rpc/listen-error.ts';

export interface MetricsServer {
  /** `host:port` */
  readonly address: string;
  close(): Promise<void>;
}

/** Serves GET /metrics for Prometheus. */
export async function startMetricsServer(
  registry: Registry,
  listen: { readonly host: string; readonly port: number },
): Promise<MetricsServer> {
  const server = createServer((request, response) => {
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
  });
  const { host, port } = listen;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      const portOption = '--metrics-port';
      reject(listenError(error, { listener: 'metrics', host, port, portOption }));
    });
    server.listen(port, host, resolve);
  });
  const bound = server.address();
  invariant(bound !== null && typeof bound === 'object', 'it listens on a port');
  const name = host.includes(':') ? `[${host}]` : host;
  return {
    address: `${name}:${bound.port}`,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
