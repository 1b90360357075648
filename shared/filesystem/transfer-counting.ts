import type { S3Client } from '@aws-sdk/client-s3';
import type { StorageMeter } from './storage-meter.ts';

/** The part of an HTTP request or answer of the SDK's that is read. */
interface WithHeaders {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Counts the bodies that the client sends and gets, by their headers. */
export function countTransfers(client: S3Client, meter: StorageMeter): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const { request } = args as { readonly request?: WithHeaders };
      // The answer to HEAD has the length of a body that does not come.
      const hasBody = request?.method !== 'HEAD';
      const received = hasBody ? contentLength(result.response as WithHeaders | undefined) : 0;
      meter.transferred({ sent: contentLength(request), received });
      return result;
    },
    { name: 'sluiceTransfers', step: 'deserialize', priority: 'low' },
  );
}

function contentLength(message: WithHeaders | undefined): number {
  const text = message?.headers?.['content-length'];
  const bytes = text === undefined ? 0 : Number(text);
  return Number.isFinite(bytes) ? bytes : 0;
}
