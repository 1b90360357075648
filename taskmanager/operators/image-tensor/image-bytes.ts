/**
 * The encoded image of a record: at hand inside the task manager that read it, read again by
 * reference where the record crossed a network edge.
 */
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import type { StreamRecord } from '../../../shared/record/stream-record.ts';
import type { OperatorContext } from '../operator-context.ts';

/**
 * Rejects with OBJECT_CHANGED where the object is no longer the one that was listed, with
 * OBJECT_TOO_LARGE, with RECORD_INVALID where the record comes from no object; any other error is
 * the storage's and fails the task.
 */
export async function readImageBytes(
  record: StreamRecord,
  context: OperatorContext,
  bytesMax: number,
): Promise<Uint8Array> {
  if (record.bytes !== null) return record.bytes;
  if (record.source === null) {
    throw new SluiceError('RECORD_INVALID', 'the record comes from no file, so it has no image', {
      domain: 'user',
      hint: 'Feed this node, directly or not, from `source: files`.',
    });
  }
  const { uri, etag } = record.source;
  try {
    const fileSystem = context.fileSystems.forUri(uri);
    const { bytes } = await fileSystem.read(uri, { ifMatch: etag, sizeMax: bytesMax });
    context.metrics.bytesIn += bytes.length;
    return bytes;
  } catch (error) {
    throw readFailure(error, uri);
  }
}

function readFailure(error: unknown, uri: string): unknown {
  if (!(error instanceof SluiceError)) return error;
  if (error.code === 'STORAGE_NOT_FOUND') {
    return new SluiceError('OBJECT_CHANGED', `${uri} was removed after it had been listed.`, {
      domain: 'external',
      context: { uri },
      cause: error,
    });
  }
  if (error.code === 'OBJECT_CHANGED' || error.code === 'OBJECT_TOO_LARGE') return error;
  return asStorageFailure(error);
}

/**
 * A storage error that concerns every record (no permission, no bucket, no network) must stop the
 * task and not fill the dead letters, even where the user is the one to mend it.
 */
export function asStorageFailure(error: unknown): unknown {
  if (!(error instanceof SluiceError) || error.domain !== 'user') return error;
  return new SluiceError(error.code, error.message, {
    domain: 'external',
    retry: error.retry,
    context: error.context,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    cause: error,
  });
}
