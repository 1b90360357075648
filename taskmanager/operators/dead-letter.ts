import type { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { RecordValue, StreamRecord } from '../../shared/record/stream-record.ts';

/**
 * What the dead letters say about a rejected record: which object, where in the pipeline, why, and
 * what to do. `stage` is the operator's kind (`image-tensor`), `operatorId` the node's name.
 */
export function deadLetterValue(
  record: StreamRecord,
  error: SluiceError,
  operatorId: string,
  stage: string,
  atMs: number,
): RecordValue {
  return {
    uri: record.source?.uri ?? null,
    etag: record.source?.etag ?? null,
    node: operatorId,
    stage,
    code: error.code,
    message: sentences(error),
    at: new Date(atMs).toISOString(),
  };
}

/** What happened, then what to do. */
function sentences({ message, hint }: SluiceError): string {
  if (hint === undefined) return message;
  return /[.!?]$/.test(message) ? `${message} ${hint}` : `${message}. ${hint}`;
}
