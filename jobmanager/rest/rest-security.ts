import type { FastifyReply, FastifyRequest } from 'fastify';
import type { EventLog } from '../../shared/observability/limited-log.ts';
import { type RequiredRole, suffices } from '../../shared/security/access-role.ts';
import { peerOf } from '../../shared/security/peer-of.ts';
import type { TokenRegistry } from '../../shared/security/token-registry.ts';
import type { TokenEntry } from '../../shared/security/tokens-file.ts';
import { PROBLEM_JSON, problem } from './problem.ts';

/** Who asks: the holder of a token, or, where none are asked for, anybody. */
export type Caller = Pick<TokenEntry, 'name' | 'role'>;

export const ANONYMOUS: Caller = { name: 'anonymous', role: 'admin' };

/** Why somebody is not let through. */
export interface Refusal {
  readonly status: 401 | 403;
  readonly code: 'UNAUTHORIZED' | 'FORBIDDEN';
  readonly detail: string;
  readonly hint: string;
}

/** Tells callers by their bearer tokens; without a registry everybody may do everything. */
export class Authentication {
  readonly #tokens: TokenRegistry | null;

  constructor(tokens: TokenRegistry | null) {
    this.#tokens = tokens;
  }

  /** Who asks; null: nobody that is known. */
  callerOf(authorization: string | undefined): Caller | null {
    if (this.#tokens === null) return ANONYMOUS;
    const [, token] = /^Bearer +(\S+)$/iu.exec(authorization ?? '') ?? [];
    return token === undefined ? null : this.#tokens.find(token);
  }

  /** Null: may do it. */
  refusal(
    caller: Caller | null,
    required: RequiredRole,
    authorization: string | undefined,
  ): Refusal | null {
    if (required === 'none') return null;
    if (caller === null) {
      const detail = authorization === undefined ? 'a token is needed' : 'the token is not known';
      const hint =
        'send Authorization: Bearer <token>; the command line takes it from SLUICE_TOKEN';
      return { status: 401, code: 'UNAUTHORIZED', detail, hint };
    }
    if (suffices(caller.role, required)) return null;
    const detail = `"${caller.name}" is ${caller.role}, and this needs ${required}`;
    const hint = 'ask whoever runs the cluster for a token of that role';
    return { status: 403, code: 'FORBIDDEN', detail, hint };
  }
}

/** Answers, and ends the connection of somebody unknown: strangers keep none. */
export function refuse(reply: FastifyReply, refusal: Refusal): FastifyReply {
  const { status, code, detail, hint } = refusal;
  if (status === 401) {
    const unknown = detail === 'a token is needed' ? '' : ', error="invalid_token"';
    reply
      .header('www-authenticate', `Bearer realm="sluice"${unknown}`)
      .header('connection', 'close');
  } else {
    reply.header('www-authenticate', 'Bearer realm="sluice", error="insufficient_scope"');
  }
  return reply
    .status(status)
    .type(PROBLEM_JSON)
    .send(problem(status, code, detail, { hint }));
}

/** A line for whoever watches for attempts; strangers cannot flood it. */
export function logRefusal(log: EventLog, request: FastifyRequest, refusal: Refusal): void {
  log('warn', 'REST: a request is refused', {
    peer: peerOf(request.socket),
    method: request.method,
    path: request.url.split('?')[0]?.slice(0, PATH_CHARACTERS_MAX) ?? '',
    status: refusal.status,
    reason: refusal.detail,
  });
}

const PATH_CHARACTERS_MAX = 256;
