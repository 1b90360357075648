import type { ErrorCode } from '../errors/codes.ts';
import { SluiceError, type SluiceErrorOptions } from '../errors/sluice-error.ts';

/** The errors of the port, made in one place so that every adapter says the same words. Pure. */
export function storageNotFound(uri: string, cause?: unknown): SluiceError {
  return make('STORAGE_NOT_FOUND', `There is no file ${uri}.`, { domain: 'user', uri, cause });
}

export function preconditionFailed(uri: string, condition: 'ifAbsent' | 'ifMatch'): SluiceError {
  const message =
    condition === 'ifAbsent'
      ? `${uri} exists already.`
      : `${uri} was changed or removed by somebody else.`;
  return make('PRECONDITION_FAILED', message, { domain: 'external', uri });
}

export function objectChanged(uri: string): SluiceError {
  const message = `${uri} was overwritten or changed while it was read.`;
  return make('OBJECT_CHANGED', message, { domain: 'external', uri });
}

export function objectTooLarge(uri: string, size: number | null, sizeMax: number): SluiceError {
  const message =
    size === null
      ? `${uri} has more than ${sizeMax} bytes, the limit.`
      : `${uri} has ${size} bytes; the limit is ${sizeMax}.`;
  return new SluiceError('OBJECT_TOO_LARGE', message, {
    domain: 'user',
    context: { uri, sizeMax, ...(size === null ? {} : { size }) },
  });
}

export function cancelled(uri: string): SluiceError {
  return make('CANCELLED', `The access to ${uri} was cancelled.`, { domain: 'external', uri });
}

export function pendingFileGone(uri: string): SluiceError {
  const message = `The pending file for ${uri} is gone, and ${uri} is not its content.`;
  return make('STORAGE_NOT_FOUND', message, {
    domain: 'external',
    uri,
    hint: 'Something outside Sluice removed or replaced it: look at clean-up and lifecycle rules.',
  });
}

export function throwIfCancelled(uri: string, signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw cancelled(uri);
}

/** Maps what `node:fs` throws. */
export function fromFileError(error: unknown, uri: string): SluiceError {
  if (error instanceof SluiceError) return error;
  const cause = error;
  const { code, message } = asSystemError(error);
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return storageNotFound(uri, cause);
    case 'EISDIR':
      return make('STORAGE_NOT_FOUND', `${uri} is a folder, not a file.`, {
        domain: 'user',
        uri,
        cause,
      });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return make('STORAGE_DENIED', `No permission for ${uri}.`, {
        domain: 'user',
        uri,
        cause,
        hint: 'Give the user that runs Sluice the right to it, or choose another folder.',
      });
    case 'ENOSPC':
    case 'EDQUOT':
      return make('STORAGE_UNAVAILABLE', `There is no space left for ${uri}.`, {
        domain: 'external',
        retry: 'backoff',
        uri,
        cause,
        hint: 'Free some space on the disk.',
      });
    case 'ENAMETOOLONG':
      return make('ARGUMENT_INVALID', `The name of ${uri} is too long.`, {
        domain: 'user',
        uri,
        cause,
      });
    case 'ABORT_ERR':
      return cancelled(uri);
    default:
      return make('STORAGE_UNAVAILABLE', `The access to ${uri} failed: ${message}`, {
        domain: 'external',
        retry: 'backoff',
        uri,
        cause,
      });
  }
}

/** What creating a file throws: "not found" is then about the folder, and means that it cannot be. */
export function fromCreateError(error: unknown, uri: string): SluiceError {
  if (!hasErrorCode(error, 'ENOENT', 'ENOTDIR', 'EEXIST')) return fromFileError(error, uri);
  return make('STORAGE_NOT_FOUND', `There is no folder for ${uri}, and it cannot be made.`, {
    domain: 'user',
    uri,
    cause: error,
    hint: 'A file lies where the folder should be, or files cannot be made there.',
  });
}

export function hasErrorCode(error: unknown, ...codes: readonly string[]): boolean {
  return codes.includes(asSystemError(error).code);
}

function asSystemError(error: unknown): { code: string; message: string } {
  if (!(error instanceof Error)) return { code: '', message: String(error) };
  const { code } = error as NodeJS.ErrnoException;
  return { code: code ?? '', message: error.message };
}

type StorageErrorOptions = Omit<SluiceErrorOptions, 'context'> & { readonly uri: string };

function make(code: ErrorCode, message: string, options: StorageErrorOptions): SluiceError {
  const { uri, ...rest } = options;
  return new SluiceError(code, message, { ...rest, context: { uri } });
}
