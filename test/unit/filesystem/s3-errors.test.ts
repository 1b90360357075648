import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fromS3Error } from '../../../shared/filesystem/s3-errors.ts';

interface Thrown {
  readonly name?: string;
  readonly message?: string;
  readonly code?: string;
  readonly status?: number;
}

/** As the SDK or a socket throws it. */
function thrown({ name = 'Error', message = 'because', code, status }: Thrown): Error {
  const error = Object.assign(new Error(message), code === undefined ? {} : { code });
  error.name = name;
  if (status !== undefined) Object.assign(error, { $metadata: { httpStatusCode: status } });
  return error;
}

describe('S3 errors', () => {
  it('when S3 or the network fails, then code, retry and message say what and what to do', () => {
    const cases: [Thrown, string, string, RegExp][] = [
      [{ name: 'NoSuchKey', status: 404 }, 'STORAGE_NOT_FOUND', 'none', /no file s3:\/\/b\/k/],
      [{ name: 'NotFound', status: 404 }, 'STORAGE_NOT_FOUND', 'none', /no file/],
      [{ name: 'NoSuchBucket', status: 404 }, 'STORAGE_NOT_FOUND', 'none', /no bucket "b"/],
      [{ name: 'Odd', status: 404 }, 'STORAGE_UNAVAILABLE', 'none', /because \(Odd\)/],
      [{ name: 'AccessDenied', status: 403 }, 'STORAGE_DENIED', 'none', /denies GetObject/],
      [{ name: 'ExpiredToken', status: 400 }, 'STORAGE_CREDENTIALS', 'none', /ExpiredToken/],
      [{ name: 'SignatureDoesNotMatch', status: 403 }, 'STORAGE_CREDENTIALS', 'none', /refuses/],
      [{ name: 'CredentialsProviderError' }, 'STORAGE_CREDENTIALS', 'none', /No credentials/],
      [{ message: 'Region is missing' }, 'STORAGE_CREDENTIALS', 'none', /No region/],
      [{ name: 'PermanentRedirect', status: 301 }, 'STORAGE_UNAVAILABLE', 'none', /region/],
      [{ name: 'SlowDown', status: 503 }, 'STORAGE_UNAVAILABLE', 'backoff', /SlowDown, HTTP 503/],
      [{ name: 'Whatever', status: 502 }, 'STORAGE_UNAVAILABLE', 'backoff', /HTTP 502/],
      [{ name: 'RequestTimeout', status: 400 }, 'STORAGE_UNAVAILABLE', 'backoff', /now/],
      [
        { name: 'ConditionalRequestConflict', status: 409 },
        'STORAGE_UNAVAILABLE',
        'backoff',
        /now/,
      ],
      [{ name: 'EntityTooLarge', status: 400 }, 'OBJECT_TOO_LARGE', 'none', /too large/],
      [{ name: 'InvalidPart', status: 400 }, 'STORAGE_UNAVAILABLE', 'none', /InvalidPart/],
      [{ code: 'ECONNREFUSED' }, 'STORAGE_UNAVAILABLE', 'backoff', /cannot be reached/],
      [{ code: 'ENOTFOUND' }, 'STORAGE_UNAVAILABLE', 'backoff', /ENOTFOUND/],
      [{ message: 'socket hang up' }, 'STORAGE_UNAVAILABLE', 'backoff', /cannot be reached/],
      // The answer began with 200, then the connection broke.
      [{ message: 'aborted', status: 200 }, 'STORAGE_UNAVAILABLE', 'backoff', /cannot be/],
      [{ code: 'ECONNRESET', status: 200 }, 'STORAGE_UNAVAILABLE', 'backoff', /ECONNRESET/],
      [{ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }, 'STORAGE_UNAVAILABLE', 'none', /secure/],
      [{ code: 'EPROTO' }, 'STORAGE_UNAVAILABLE', 'none', /secure/],
      [{ message: 'unheard of' }, 'STORAGE_UNAVAILABLE', 'none', /failed at there: unheard of/],
    ];
    for (const [failure, code, retry, message] of cases) {
      const call = { uri: 's3://b/k', operation: 'GetObject', server: 'there' };
      const error = fromS3Error(thrown(failure), call);
      assert.deepEqual([error.code, error.retry], [code, retry], JSON.stringify(failure));
      assert.match(error.message, message);
      assert.equal(error.context['uri'], 's3://b/k');
    }
  });
});
