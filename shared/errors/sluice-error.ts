import type { ErrorCode } from './codes.ts';

/** Whose fault it is: the user can mend it, the outside world can, or Sluice must. */
export type ErrorDomain = 'user' | 'external' | 'internal';

/** What helps: nothing, the same call again after a pause, or a restart of the job. */
export type ErrorRetry = 'none' | 'backoff' | 'restart-job';

export interface SluiceErrorOptions {
  readonly domain: ErrorDomain;
  /** Default: `none`. */
  readonly retry?: ErrorRetry;
  /** Where it happened: `file`, `line`, `column`, `node`, `uri`, `field`… Printed with the message. */
  readonly context?: Readonly<Record<string, string | number | boolean>>;
  /** What to do about it; one sentence, printed on a line of its own. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** The error in a form that crosses threads, gRPC and REST. */
export interface SerializedError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly domain: ErrorDomain;
  readonly retry: ErrorRetry;
  readonly context: Readonly<Record<string, string | number | boolean>>;
  readonly hint?: string;
  /** The messages of the causes, outermost first. */
  readonly causes: readonly string[];
}

/**
 * Everything that can go wrong while the program itself is right. The message says what happened,
 * `context` where, `hint` what to do. Bugs are not SluiceErrors: see `invariant`.
 */
export class SluiceError extends Error {
  override readonly name = 'SluiceError';
  readonly code: ErrorCode;
  readonly domain: ErrorDomain;
  readonly retry: ErrorRetry;
  readonly context: Readonly<Record<string, string | number | boolean>>;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: SluiceErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.domain = options.domain;
    this.retry = options.retry ?? 'none';
    this.context = options.context ?? {};
    this.hint = options.hint;
  }
}

const CAUSES_MAX = 5;

/** Turns anything thrown into its serializable form; what is no SluiceError becomes `INTERNAL`. */
export function serializeError(error: unknown): SerializedError {
  const causes: string[] = [];
  let cause = error instanceof Error ? error.cause : undefined;
  while (cause instanceof Error && causes.length < CAUSES_MAX) {
    causes.push(cause.message);
    cause = cause.cause;
  }
  if (error instanceof SluiceError) {
    return {
      code: error.code,
      message: error.message,
      domain: error.domain,
      retry: error.retry,
      context: error.context,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      causes,
    };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'INTERNAL', message, domain: 'internal', retry: 'none', context: {}, causes };
}

/** The inverse of {@link serializeError}; causes come back as a chain of plain errors. */
export function deserializeError(serialized: SerializedError): SluiceError {
  let cause: Error | undefined;
  for (const message of serialized.causes.toReversed()) {
    cause = new Error(message, cause === undefined ? undefined : { cause });
  }
  return new SluiceError(serialized.code, serialized.message, {
    domain: serialized.domain,
    retry: serialized.retry,
    context: serialized.context,
    ...(serialized.hint === undefined ? {} : { hint: serialized.hint }),
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Wraps whatever a library threw, keeping a SluiceError as it is. */
export function toSluiceError(
  error: unknown,
  code: ErrorCode,
  options: SluiceErrorOptions,
): SluiceError {
  if (error instanceof SluiceError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new SluiceError(code, message, { ...options, cause: error });
}
