import { STATUS_CODES } from 'node:http';
import type { ErrorCode } from '../../shared/errors/codes.ts';
import { type SerializedError, serializeError } from '../../shared/errors/sluice-error.ts';
import type { ProblemDetails } from '../../shared/rest/rest-types.ts';

/** The media type of RFC 9457. */
export const PROBLEM_JSON = 'application/problem+json; charset=utf-8';

const STATUS_BY_CODE: Partial<Record<ErrorCode, number>> = {
  JOB_NOT_FOUND: 404,
  VERTEX_NOT_FOUND: 404,
  CHECKPOINT_NOT_FOUND: 404,
  TASK_MANAGER_NOT_FOUND: 404,
  JOB_STATE: 409,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  MESSAGE_TOO_LARGE: 413,
  RESOURCE_UNAVAILABLE: 503,
  NOT_LEADER: 503,
  LEADERSHIP_LOST: 503,
  NETWORK_TIMEOUT: 504,
  INTERNAL: 500,
};

const STATUS_BY_DOMAIN = { user: 400, external: 502, internal: 500 } as const;

/** An error as the body of an answer. What is internal stays in the log. */
export function problemOf(error: unknown): ProblemDetails {
  const serialized = serializeError(error);
  if (serialized.code === 'INTERNAL') {
    return problem(500, 'INTERNAL', "an internal error; the job manager's log says more");
  }
  return problemOfSerialized(serialized);
}

/** All that is wrong with a pipeline: the first as the problem itself, every one in `problems`. */
export function problemOfPipeline(problems: readonly SerializedError[]): ProblemDetails {
  const [first] = problems;
  if (first === undefined) return problem(400, 'PIPELINE_INVALID', 'the pipeline is invalid');
  return { ...problemOfSerialized(first), status: 400, title: 'Bad Request', problems };
}

export function problem(
  status: number,
  code: ErrorCode,
  detail: string,
  more: Pick<ProblemDetails, 'hint' | 'context'> = {},
): ProblemDetails {
  const title = STATUS_CODES[status] ?? 'Error';
  return { type: 'about:blank', title, status, detail, code, ...more };
}

function problemOfSerialized(serialized: SerializedError): ProblemDetails {
  const { code, message, domain, hint, context } = serialized;
  const status = STATUS_BY_CODE[code] ?? STATUS_BY_DOMAIN[domain];
  return problem(status, code, message, { context, ...(hint === undefined ? {} : { hint }) });
}
