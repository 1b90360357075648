import type {
  ErrorInfo,
  ErrorInfo__Output as ErrorInfoOutput,
} from '../../proto/generated/sluice/v1/ErrorInfo.ts';
import { ERROR_CODES, type ErrorCode } from '../errors/codes.ts';
import type { ErrorDomain, ErrorRetry, SerializedError } from '../errors/sluice-error.ts';

/** Bounds of what is taken over from another process's error. */
const MESSAGE_LENGTH_MAX = 8_192;
const CAUSES_MAX = 10;
const CONTEXT_ENTRIES_MAX = 32;

const CODES: ReadonlySet<string> = new Set(ERROR_CODES);

/** Context values become text: the proto's map holds strings. */
export function encodeError(error: SerializedError): ErrorInfo {
  const context: Record<string, string> = {};
  for (const [key, value] of Object.entries(error.context)) context[key] = String(value);
  return {
    code: error.code,
    message: error.message.slice(0, MESSAGE_LENGTH_MAX),
    domain: error.domain,
    retry: error.retry,
    context,
    hint: error.hint ?? '',
    causes: [...error.causes],
  };
}

/** A code that this version does not know becomes `INTERNAL`, its name kept in the context. */
export function decodeError(info: ErrorInfoOutput): SerializedError {
  const known = CODES.has(info.code);
  const context: Record<string, string> = {};
  for (const [key, value] of Object.entries(info.context).slice(0, CONTEXT_ENTRIES_MAX)) {
    context[key] = value.slice(0, MESSAGE_LENGTH_MAX);
  }
  if (!known) context['code'] = info.code;
  return {
    code: known ? (info.code as ErrorCode) : 'INTERNAL',
    message: info.message.slice(0, MESSAGE_LENGTH_MAX),
    domain: decodeDomain(info.domain),
    retry: decodeRetry(info.retry),
    context,
    ...(info.hint === '' ? {} : { hint: info.hint.slice(0, MESSAGE_LENGTH_MAX) }),
    causes: info.causes.slice(0, CAUSES_MAX).map((cause) => cause.slice(0, MESSAGE_LENGTH_MAX)),
  };
}

function decodeDomain(domain: string): ErrorDomain {
  return domain === 'user' || domain === 'external' ? domain : 'internal';
}

function decodeRetry(retry: string): ErrorRetry {
  return retry === 'backoff' || retry === 'restart-job' ? retry : 'none';
}
