import type { FastifyReply, FastifyRequest } from 'fastify';
import type { LogFields, Logger } from '../../shared/observability/logger.ts';
import { peerOf } from '../../shared/security/peer-of.ts';
import type { Caller } from './rest-security.ts';

/** What somebody did, or tried: one line, whatever the log's level is. Tokens are named, never shown. */
export class AuditLog {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger.child?.({ audit: true }, { level: 'info' }) ?? withField(logger);
  }

  /** After the answer. `action`: `job.submit` and the like. */
  record(action: string, caller: Caller, request: FastifyRequest, reply: FastifyReply): void {
    const { statusCode: status } = reply;
    this.#logger.info(
      {
        who: caller.name,
        role: caller.role,
        action,
        target: targetOf(request, reply),
        remote: peerOf(request.socket),
        outcome: outcomeOf(status),
        status,
      },
      `${action}: ${outcomeOf(status)}`,
    );
  }
}

function outcomeOf(status: number): 'done' | 'denied' | 'failed' {
  if (status === 401 || status === 403) return 'denied';
  return status < 400 ? 'done' : 'failed';
}

/** The id in the path; of a submission, the job that came of it. */
function targetOf(request: FastifyRequest, reply: FastifyReply): string {
  const { id } = (request.params ?? {}) as { readonly id?: string };
  if (id !== undefined) return id;
  const location = reply.getHeader('location');
  return typeof location === 'string' ? (location.split('/').at(-1) ?? '') : '';
}

/** For loggers that have no children. */
function withField(logger: Logger): Logger {
  const add = (fields: LogFields): LogFields => ({ audit: true, ...fields });
  return {
    debug: (fields, message) => logger.debug(add(fields), message),
    info: (fields, message) => logger.info(add(fields), message),
    warn: (fields, message) => logger.warn(add(fields), message),
    error: (fields, message) => logger.error(add(fields), message),
  };
}
