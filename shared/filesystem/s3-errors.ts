import type { ErrorCode } from '../errors/codes.ts';
import { type ErrorDomain, type ErrorRetry, SluiceError } from '../errors/sluice-error.ts';
import { storageNotFound } from './storage-errors.ts';
import { parseUri } from './uri.ts';

/** What S3 answered, or the network did instead. */
export interface S3Failure {
  /** The error's name: `NoSuchKey`, `SlowDown`, `ECONNREFUSED`… */
  readonly name: string;
  /** HTTP status, or 0 where there was no answer. */
  readonly status: number;
  readonly message: string;
}

export interface S3Call {
  readonly uri: string;
  /** As in S3's API, `GetObject`. */
  readonly operation: string;
  /** How to name the other side: an endpoint, or `Amazon S3`. */
  readonly server: string;
}

/** Who is refused, and what would mend it. */
interface Mapping {
  readonly code: ErrorCode;
  readonly message: string;
  readonly domain: ErrorDomain;
  readonly retry?: ErrorRetry;
  readonly hint?: string;
}

const CREDENTIALS_MISSING = ['CredentialsProviderError'];
const CREDENTIALS_REFUSED = [
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'ExpiredToken',
  'InvalidToken',
  'TokenRefreshRequired',
  'ExpiredTokenException',
  // versitygw's word for an unknown access key, with HTTP 404.
  'XAdminUserNotFound',
];
const ANOTHER_REGION = [
  'PermanentRedirect',
  'AuthorizationHeaderMalformed',
  'IllegalLocationConstraintException',
];
/** Answers that say "later": S3 asks clients to repeat the call after a pause. */
const TRANSIENT = [
  'SlowDown',
  'ServiceUnavailable',
  'InternalError',
  'RequestTimeout',
  'ThrottlingException',
  'TooManyRequestsException',
  'OperationAborted',
  'ConditionalRequestConflict',
];
const TRANSIENT_STATUSES = [429, 500, 502, 503, 504];
const NETWORK = [
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'TimeoutError',
  'HPE_INVALID_EOF_STATE',
  'HPE_CLOSED_CONNECTION',
  'ERR_STREAM_PREMATURE_CLOSE',
];
/** A connection that breaks has many names, not all of them codes. */
const BROKEN = /^aborted|hang up|^terminated/;
const TLS = /^(CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERR_TLS|ERR_SSL|EPROTO)/;

const PERMISSIONS: Readonly<Record<string, string>> = {
  ListObjectsV2: 's3:ListBucket',
  ListMultipartUploads: 's3:ListBucketMultipartUploads',
  HeadObject: 's3:GetObject',
  CreateMultipartUpload: 's3:PutObject',
  UploadPart: 's3:PutObject',
  CompleteMultipartUpload: 's3:PutObject',
};

export function describeFailure(error: unknown): S3Failure {
  if (!(error instanceof Error)) return { name: '', status: 0, message: String(error) };
  const { code, $metadata } = error as Error & {
    readonly code?: unknown;
    readonly $metadata?: { readonly httpStatusCode?: number };
  };
  const status = $metadata?.httpStatusCode ?? 0;
  // An answer that breaks off has the status of its headers, but it is the network's failure.
  const brokeOff = status < 300 && BROKEN.test(error.message);
  if (typeof code === 'string' && (status === 0 || NETWORK.includes(code))) {
    return { name: code, status: 0, message: error.message };
  }
  return { name: error.name, status: brokeOff ? 0 : status, message: error.message };
}

/** 404 for the object itself; servers use the status for other things too. */
export function isObjectMissing({ status, name }: S3Failure): boolean {
  return status === 404 && (name === 'NoSuchKey' || name === 'NotFound');
}

/** Whatever the SDK or a body's stream threw, in the port's words. */
export function fromS3Error(error: unknown, call: S3Call): SluiceError {
  if (error instanceof SluiceError) return error;
  const failure = describeFailure(error);
  const { message, code, ...rest } = map(failure, call);
  return new SluiceError(code, message, {
    ...rest,
    context: { uri: call.uri, operation: call.operation },
    // Not the SDK's own error: it carries the request with its headers.
    cause: new Error(`${failure.name} ${failure.message}`.trim()),
  });
}

function map(failure: S3Failure, call: S3Call): Mapping {
  const { name, status } = failure;
  const bucket = parseUri(call.uri).authority;
  if (name === 'NoSuchBucket' || name === 'InvalidBucketName') {
    return {
      code: 'STORAGE_NOT_FOUND',
      message: `There is no bucket "${bucket}" at ${call.server}.`,
      domain: 'user',
      hint: 'Look at the name, the endpoint and the region, or create the bucket.',
    };
  }
  if (CREDENTIALS_MISSING.includes(name) || failure.message.startsWith('Resolved credential')) {
    return {
      code: 'STORAGE_CREDENTIALS',
      message: `No credentials for ${call.server}.`,
      domain: 'user',
      hint: 'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.',
    };
  }
  if (CREDENTIALS_REFUSED.includes(name)) {
    return {
      code: 'STORAGE_CREDENTIALS',
      message: `${call.server} refuses the credentials (${name}).`,
      domain: 'user',
      hint: 'Look at the access key, the secret, their expiry, and the clock of this machine.',
    };
  }
  if (failure.message === 'Region is missing') {
    return {
      code: 'STORAGE_CREDENTIALS',
      message: 'No region for Amazon S3.',
      domain: 'user',
      hint: 'Set AWS_REGION, or the option `region` of the S3 file system.',
    };
  }
  if (ANOTHER_REGION.includes(name) || status === 301) {
    return {
      code: 'STORAGE_UNAVAILABLE',
      message: `The bucket "${bucket}" lies in another region (${name}).`,
      domain: 'user',
      hint: 'Set AWS_REGION, or the option `region` of the S3 file system, to the bucket’s.',
    };
  }
  return mapByStatus(failure, call);
}

function mapByStatus(failure: S3Failure, call: S3Call): Mapping {
  const { name, status } = failure;
  const { uri, operation, server } = call;
  if (TRANSIENT.includes(name) || TRANSIENT_STATUSES.includes(status)) {
    return {
      code: 'STORAGE_UNAVAILABLE',
      message: `${server} is not able to serve ${uri} now (${name}, HTTP ${status}).`,
      domain: 'external',
      retry: 'backoff',
    };
  }
  if (status === 401 || status === 403) {
    return {
      code: 'STORAGE_DENIED',
      message: `${server} denies ${operation} for ${uri}.`,
      domain: 'user',
      hint: `The credentials need ${PERMISSIONS[operation] ?? `s3:${operation}`} there.`,
    };
  }
  if (isObjectMissing(failure)) {
    const { message, code, domain } = storageNotFound(uri);
    return { message, code, domain };
  }
  if (name === 'EntityTooLarge' || status === 413) {
    return {
      code: 'OBJECT_TOO_LARGE',
      message: `${server} refuses ${uri}: it is too large.`,
      domain: 'user',
    };
  }
  if (status === 0) return mapNetwork(failure, call);
  return {
    code: 'STORAGE_UNAVAILABLE',
    message: `${server} refused ${operation} for ${uri}: ${failure.message} (${name})`,
    domain: 'external',
    ...(status >= 200 && status < 400 ? { hint: notS3Hint(call) } : {}),
  };
}

function mapNetwork(failure: S3Failure, { server, uri, operation }: S3Call): Mapping {
  const { name, message } = failure;
  if (TLS.test(name)) {
    return {
      code: 'STORAGE_UNAVAILABLE',
      message: `No secure connection to ${server} (${name}).`,
      domain: 'user',
      hint: 'Look at http:// or https:// in the endpoint; NODE_EXTRA_CA_CERTS adds an authority.',
    };
  }
  if (NETWORK.includes(name) || BROKEN.test(message)) {
    return {
      code: 'STORAGE_UNAVAILABLE',
      message: `${server} cannot be reached (${name}).`,
      domain: 'external',
      retry: 'backoff',
      hint: 'Look at the endpoint, the network, and whether the server runs.',
    };
  }
  return {
    code: 'STORAGE_UNAVAILABLE',
    message: `${operation} for ${uri} failed at ${server}: ${message}`,
    domain: 'external',
  };
}

function notS3Hint({ server }: S3Call): string {
  return `Is ${server} an S3 endpoint? Its answer was not understood.`;
}
