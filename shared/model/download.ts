/** HTTP downloads with a bound on size and on silence, for `models pull`. */
import { SluiceError } from '../errors/sluice-error.ts';
import type { Clock } from '../time/clock.ts';

export interface DownloadOptions {
  readonly clock: Clock;
  /** More than this is refused. */
  readonly bytesMax: number;
  readonly signal?: AbortSignal | undefined;
}

/** A server that says nothing for so long is given up. */
const SILENCE_MAX_MS = 30_000;

/**
 * The content, piece by piece. Rejects with NETWORK_UNREACHABLE, NETWORK_TIMEOUT, FILE_NOT_FOUND,
 * STORAGE_UNAVAILABLE (the server refuses), OBJECT_TOO_LARGE, CANCELLED.
 */
export async function* download(
  url: string,
  options: DownloadOptions,
): AsyncGenerator<Uint8Array, void, void> {
  const silence = new AbortController();
  const restartTimer = () => options.clock.setTimer(SILENCE_MAX_MS, () => silence.abort());
  const signals = options.signal === undefined ? [] : [options.signal];
  let cancelTimer = restartTimer();
  let received = 0;
  try {
    const response = await fetch(url, { signal: AbortSignal.any([silence.signal, ...signals]) });
    if (!response.ok || response.body === null) {
      await response.body?.cancel();
      throw refused(url, response.status);
    }
    for await (const chunk of response.body as ReadableStream<Uint8Array>) {
      cancelTimer();
      received += chunk.length;
      if (received > options.bytesMax) throw tooLarge(url, options.bytesMax);
      yield chunk;
      cancelTimer = restartTimer();
    }
  } catch (error) {
    if (error instanceof SluiceError) throw error;
    if (options.signal?.aborted === true) throw cancelled(url, error);
    throw unreachable(url, silence.signal.aborted, error);
  } finally {
    cancelTimer();
  }
}

function refused(url: string, status: number): SluiceError {
  const context = { url, status };
  if (status === 404 || status === 410) {
    return new SluiceError('FILE_NOT_FOUND', `${url} does not exist (HTTP ${status}).`, {
      domain: 'external',
      context,
      hint: 'A mirror of the models can be named in SLUICE_MODELS_URL.',
    });
  }
  return new SluiceError('STORAGE_UNAVAILABLE', `${url} is refused (HTTP ${status}).`, {
    domain: 'external',
    retry: 'backoff',
    context,
  });
}

function tooLarge(url: string, bytesMax: number): SluiceError {
  return new SluiceError(
    'OBJECT_TOO_LARGE',
    `${url} has more than the expected ${bytesMax} bytes.`,
    {
      domain: 'external',
      context: { url, bytesMax },
    },
  );
}

function cancelled(url: string, cause: unknown): SluiceError {
  return new SluiceError('CANCELLED', `The download of ${url} was cancelled.`, {
    domain: 'external',
    context: { url },
    cause,
  });
}

function unreachable(url: string, isSilent: boolean, error: unknown): SluiceError {
  // What fetch throws says only "fetch failed"; the reason is its cause.
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SluiceError(
    isSilent ? 'NETWORK_TIMEOUT' : 'NETWORK_UNREACHABLE',
    isSilent ? `${url} sends nothing any more.` : `${url} cannot be fetched: ${reason}.`,
    {
      domain: 'external',
      retry: 'backoff',
      context: { url },
      hint: 'Without access to it, name a mirror of the models in SLUICE_MODELS_URL.',
      cause,
    },
  );
}
