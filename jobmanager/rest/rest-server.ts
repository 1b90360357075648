import type { Duplex } from 'node:stream';
import {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
} from 'fastify';
import { type EventLog, limitedLog } from '../../shared/observability/limited-log.ts';
import type { Logger } from '../../shared/observability/logger.ts';
import { REQUEST_BODY_BYTES_MAX } from '../../shared/rest/rest-schemas.ts';
import type { ProblemDetails } from '../../shared/rest/rest-types.ts';
import { listenError } from '../../shared/rpc/listen-error.ts';
import { CONNECTION_LIMITS } from '../../shared/security/connection-guard.ts';
import {
  guardHttpServer,
  HTTP_LIMITS,
  type HttpGuard,
  httpsOptions,
} from '../../shared/security/http-guard.ts';
import type { RefusedConnections } from '../../shared/security/refused-connections.ts';
import type { TlsIdentity } from '../../shared/security/tls-identity.ts';
import type { TokenRegistry } from '../../shared/security/token-registry.ts';
import { AuditLog } from './audit-log.ts';
import { PROBLEM_JSON, problem, problemOf } from './problem.ts';
import type { RestHandlers } from './rest-handlers.ts';
import { Authentication, type Caller, logRefusal, refuse } from './rest-security.ts';
import type { RestRoute } from './route.ts';
import { restRoutes } from './routes.ts';

export interface RestServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly handlers: RestHandlers;
  /** Without one: HTTP. */
  readonly identity?: TlsIdentity | null;
  /** Without: everybody may do everything. */
  readonly tokens?: TokenRegistry | null;
  readonly logger: Logger;
  /** Default: counted for nobody. */
  readonly refused?: RefusedConnections;
}

/** Longer than a savepoint may take; who neither sends nor reads for so long is gone. */
const IDLE_TIMEOUT_MS = 330_000;

/**
 * The REST listener: HTTP, or HTTPS; callers are told by their tokens before their bodies are read.
 * Every answer that is no success is problem+json.
 */
export class RestServer {
  readonly #options: RestServerOptions;
  readonly #app: FastifyInstance;
  readonly #authentication: Authentication;
  readonly #audit: AuditLog;
  readonly #callers = new WeakMap<FastifyRequest, Caller>();
  /** Bounded: strangers cause these lines. */
  readonly #log: EventLog;
  readonly #guard: HttpGuard;

  constructor(options: RestServerOptions) {
    this.#options = options;
    const { identity = null, tokens = null, logger, refused } = options;
    const { clock } = options.handlers;
    this.#authentication = new Authentication(tokens);
    this.#audit = new AuditLog(logger);
    this.#log = limitedLog((level, message, context) => logger[level](context, message), clock);
    this.#app = this.#createApp();
    this.#guard = guardHttpServer(this.#app.server, {
      name: 'REST',
      limits: CONNECTION_LIMITS,
      clock,
      log: this.#log,
      refused,
      identity,
      settledByHandshake: false,
    });
    this.#addRoutes(restRoutes(options.handlers));
  }

  #createApp(): FastifyInstance {
    const { identity = null } = this.#options;
    const server =
      identity === null ? { http: HTTP_LIMITS } : { https: httpsOptions(identity, NO_CERTIFICATE) };
    const app = fastify({
      ...(server as { http: typeof HTTP_LIMITS }),
      bodyLimit: REQUEST_BODY_BYTES_MAX,
      requestTimeout: HTTP_LIMITS.requestTimeout,
      keepAliveTimeout: HTTP_LIMITS.keepAliveTimeout,
      connectionTimeout: IDLE_TIMEOUT_MS,
      forceCloseConnections: true,
      routerOptions: { maxParamLength: 256 },
      frameworkErrors: (error, _request, reply: FastifyReply) => {
        const details = this.#problemOf(error);
        void reply.status(details.status).type(PROBLEM_JSON).send(details);
      },
      clientErrorHandler: ({ code }, socket) => {
        // Handshakes that fail come here, too, before they are counted as such.
        if (code?.startsWith('HPE_')) this.#guard.refuse(socket, 'malformed');
        refuseMalformed(socket);
      },
    });
    // A page in a browser can send text without asking first; JSON it cannot.
    app.removeContentTypeParser('text/plain');
    app.setErrorHandler((error, _request, reply) => {
      const details = this.#problemOf(error);
      return reply.status(details.status).type(PROBLEM_JSON).send(details);
    });
    return app;
  }

  #addRoutes(routes: readonly RestRoute[]): void {
    for (const route of routes) {
      const { method, path, handle } = route;
      this.#app.route({
        method,
        url: path,
        onRequest: (request, reply, next) => this.#admit(route, request, reply, next),
        onResponse: (request, reply, done) => {
          this.#record(route, request, reply);
          done();
        },
        handler: handle,
      });
    }
    this.#app.setNotFoundHandler((request, reply) => {
      const path = request.url.split('?')[0] ?? '';
      const allowed = routes.filter((route) => matches(route.path, path));
      const methods = allowed.map((route) => route.method);
      const details =
        methods.length === 0
          ? problem(404, 'ARGUMENT_INVALID', `there is nothing at ${path.slice(0, 256)}`)
          : notAllowed(request.method, path, methods);
      if (methods.length > 0) void reply.header('allow', methods.join(', '));
      return reply.status(details.status).type(PROBLEM_JSON).send(details);
    });
  }

  /** Resolves with the port; rejects with PORT_IN_USE and the like. */
  async listen(): Promise<number> {
    const { host, port } = this.#options;
    try {
      await this.#app.listen({ host, port });
    } catch (error) {
      throw listenError(error, { listener: 'REST', host, port, portOption: '--rest-port' });
    }
    const address = this.#app.server.address();
    return typeof address === 'object' && address !== null ? address.port : port;
  }

  async close(): Promise<void> {
    const closed = this.#app.close();
    this.#guard.close();
    await closed;
  }

  /** Before the body is read: lets the request through, or answers. */
  #admit(
    { role }: RestRoute,
    request: FastifyRequest,
    reply: FastifyReply,
    next: () => void,
  ): void {
    const { authorization } = request.headers;
    const caller = this.#authentication.callerOf(authorization);
    if (caller === null) void reply.header('connection', 'close');
    else this.#guard.settle(request.raw);
    if (caller !== null) this.#callers.set(request, caller);
    const refusal = this.#authentication.refusal(caller, role, authorization);
    if (refusal === null) {
      next();
      return;
    }
    if (caller === null) this.#guard.refuse(request.socket, 'token');
    logRefusal(this.#log, request, refusal);
    void refuse(reply, refusal);
  }

  /** What strangers try is in the other log, which they cannot flood. */
  #record({ audit }: RestRoute, request: FastifyRequest, reply: FastifyReply): void {
    const caller = this.#callers.get(request);
    if (audit !== undefined && caller !== undefined) {
      this.#audit.record(audit, caller, request, reply);
    }
  }

  #problemOf(error: unknown): ProblemDetails {
    const fromFastify = problemOfFastify(error);
    if (fromFastify !== null) return fromFastify;
    const details = problemOf(error);
    // A standby that is asked is no failure.
    const isFailure = details.status >= 500 && details.code !== 'NOT_LEADER';
    if (isFailure) this.#options.logger.error({ err: error }, 'a request failed');
    return details;
  }
}

const NO_CERTIFICATE = { requestCert: false };

/** Bytes that are no HTTP request; there is no reply object for them. */
function refuseMalformed(socket: Duplex): void {
  if (!socket.writable) return;
  const body = JSON.stringify(problem(400, 'ARGUMENT_INVALID', 'this is no HTTP request'));
  const headers = `Content-Type: ${PROBLEM_JSON}\r\nContent-Length: ${Buffer.byteLength(body)}`;
  socket.end(`HTTP/1.1 400 Bad Request\r\n${headers}\r\nConnection: close\r\n\r\n${body}`);
}

/** What fastify itself refuses, before any handler. */
function problemOfFastify(error: unknown): ProblemDetails | null {
  const { code, message } = error as Partial<FastifyError>;
  if (typeof code !== 'string' || !code.startsWith('FST_')) return null;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    const limit = `${REQUEST_BODY_BYTES_MAX / 1024 ** 2} MiB`;
    return problem(413, 'MESSAGE_TOO_LARGE', `a request body may have ${limit} at most`);
  }
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return problem(415, 'ARGUMENT_INVALID', 'a request body is JSON: application/json');
  }
  const status = (error as FastifyError).statusCode ?? 500;
  if (status >= 500) return null;
  return problem(status, 'ARGUMENT_INVALID', message ?? 'the request is malformed');
}

function notAllowed(method: string, path: string, allowed: readonly string[]): ProblemDetails {
  const detail = `${method} is not possible at ${path.slice(0, 256)}, only ${allowed.join(', ')}`;
  return problem(405, 'ARGUMENT_INVALID', detail);
}

/** Whether a concrete path belongs to a route's pattern (`/v1/jobs/:id`). */
function matches(pattern: string, path: string): boolean {
  const expected = pattern.split('/');
  const actual = path.split('/');
  if (expected.length !== actual.length) return false;
  return expected.every((part, index) => part.startsWith(':') || part === actual[index]);
}
