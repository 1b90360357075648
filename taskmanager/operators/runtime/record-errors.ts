import { type ErrorCode, RECORD_ERROR_CODES } from '../../../shared/errors/codes.ts';
import { SluiceError } from '../../../shared/errors/sluice-error.ts';

/** What is wrong with one record, and with no other. */
const RECORD_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>(RECORD_ERROR_CODES);

/** Whether an asynchronous function's error concerns its record only, so that the task goes on. */
export function isRecordError(error: unknown): error is SluiceError {
  return error instanceof SluiceError && (error.domain === 'user' || RECORD_CODES.has(error.code));
}
