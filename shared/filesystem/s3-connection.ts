import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3';
import { SluiceError } from '../errors/sluice-error.ts';
import type { CancelTimer, Clock } from '../time/clock.ts';
import type { S3Options } from './filesystem-options.ts';
import { retryWithBackoff } from './retry.ts';
import { fromS3Error } from './s3-errors.ts';
import { cancelled } from './storage-errors.ts';
import { outcomeOf, type RequestOutcome, type StorageMeter } from './storage-meter.ts';
import { countTransfers } from './transfer-counting.ts';

type Sdk = typeof import('@aws-sdk/client-s3');

export interface S3Dependencies {
  readonly clock: Clock;
  /** Uniform in [0, 1): spreads retries. */
  readonly random: () => number;
  /** Counts the requests; default: nobody does. */
  readonly meter?: StorageMeter;
}

export interface S3Request {
  readonly uri: string;
  readonly operation: string;
  readonly signal: AbortSignal | undefined;
  /** For all tries together. */
  readonly deadlineMs?: number | undefined;
}

interface BoundRequest extends S3Request {
  /** The deadline of all tries has passed. */
  readonly isLate?: () => boolean;
}

/** One try of a request. */
export interface S3Attempt {
  readonly sdk: Sdk;
  readonly client: S3Client;
  /** 0 for the first try. */
  readonly number: number;
  /** Aborts on cancellation, on time-out, and when the connection closes. */
  readonly signal: AbortSignal;
  /** The server gave a sign of life: the time-out starts anew. */
  alive(): void;
}

const RETRIES_MAX = 5;
/** An outage of half a minute restarts nothing. */
const PATIENCE_MS = 60_000;
const REQUEST_TIMEOUT_MS = 30_000;
const CONNECT_TIMEOUT_MS = 5_000;
const CONNECTIONS_MAX = 64;

/**
 * The SDK's client, loaded on first use (it costs 70–150 ms that jobs on files do not pay), with
 * this project's own retries and time-outs around it: they cover the body of an answer too, which
 * the SDK's do not, and let the caller know that a try may have succeeded unnoticed.
 */
export class S3Connection {
  /** How messages name the other side. */
  readonly server: string;
  readonly #options: S3Options;
  readonly #dependencies: S3Dependencies;
  readonly #closed = new AbortController();
  #loaded: Promise<{ readonly sdk: Sdk; readonly client: S3Client }> | null = null;
  /** A server that never answered is a wrong address sooner than one that restarts. */
  #hasAnswered = false;
  /** Since when every try has failed. */
  #silentSinceMs: number | null = null;

  constructor(options: S3Options, dependencies: S3Dependencies) {
    validate(options);
    this.#options = options;
    this.#dependencies = dependencies;
    this.server = options.endpoint ?? 'Amazon S3';
  }

  silentForMs(): number {
    const since = this.#silentSinceMs;
    return since === null ? 0 : this.#dependencies.clock.monotonicMs() - since;
  }

  /** Repeats `send` while that may help; rejects with a SluiceError. */
  async call<T>(request: S3Request, send: (attempt: S3Attempt) => Promise<T>): Promise<T> {
    const { uri, signal, deadlineMs } = request;
    if (deadlineMs === undefined) return this.#call(request, send);
    const deadline = new Deadline(this.#dependencies.clock, deadlineMs);
    const bound = AbortSignal.any([deadline.signal, ...(signal === undefined ? [] : [signal])]);
    try {
      const isLate = () => deadline.signal.aborted;
      return await this.#call({ ...request, signal: bound, isLate }, send);
    } catch (error) {
      const isLate = deadline.signal.aborted && signal?.aborted !== true;
      throw isLate ? late(uri, this.server, { deadlineMs, cause: error }) : error;
    } finally {
      deadline.clear();
    }
  }

  async #call<T>(request: BoundRequest, send: (attempt: S3Attempt) => Promise<T>): Promise<T> {
    const signals = [
      this.#closed.signal,
      ...(request.signal === undefined ? [] : [request.signal]),
    ];
    const signal = AbortSignal.any(signals);
    const { retriesMax, patienceMs = retriesMax === undefined ? PATIENCE_MS : 0 } = this.#options;
    return retryWithBackoff((number) => this.#try(request, { number, signal, send }), {
      ...this.#dependencies,
      retriesMax: retriesMax ?? RETRIES_MAX,
      patienceMs: () => (this.#hasAnswered ? patienceMs : 0),
      isRetryable: (error) => error instanceof SluiceError && error.retry === 'backoff',
      signal,
    });
  }

  async close(): Promise<void> {
    this.#closed.abort();
    const loaded = await this.#loaded?.catch(() => null);
    loaded?.client.destroy();
  }

  async #try<T>(
    request: BoundRequest,
    {
      number,
      signal,
      send,
    }: Readonly<{
      number: number;
      signal: AbortSignal;
      send: (attempt: S3Attempt) => Promise<T>;
    }>,
  ): Promise<T> {
    if (signal.aborted) throw cancelled(request.uri);
    const timeoutMs = this.#options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
    const deadline = new Deadline(this.#dependencies.clock, timeoutMs);
    const ended = this.#meterTry(request, number);
    try {
      this.#loaded ??= this.#load();
      const answer = await send({
        ...(await this.#loaded),
        number,
        signal: AbortSignal.any([signal, deadline.signal]),
        alive: () => deadline.extend(),
      });
      this.#hasAnswered = true;
      this.#silentSinceMs = null;
      ended('ok');
      return answer;
    } catch (error) {
      if (signal.aborted) {
        ended(request.isLate?.() === true ? 'timeout' : 'cancelled');
        throw cancelled(request.uri);
      }
      const failure = deadline.signal.aborted
        ? timedOut(request.uri, this.server, timeoutMs)
        : fromS3Error(error, { ...request, server: this.server });
      ended(deadline.signal.aborted ? 'timeout' : outcomeOf(failure, error));
      const isSilent = failure.retry === 'backoff';
      if (!isSilent) this.#silentSinceMs = null;
      else this.#silentSinceMs ??= this.#dependencies.clock.monotonicMs();
      throw failure;
    } finally {
      deadline.clear();
    }
  }

  async #load(): Promise<{ readonly sdk: Sdk; readonly client: S3Client }> {
    const sdk = await import('@aws-sdk/client-s3');
    const client = new sdk.S3Client(clientConfig(this.#options));
    const { meter } = this.#dependencies;
    if (meter !== undefined) countTransfers(client, meter);
    return { sdk, client };
  }

  /** Call with how it ended. */
  #meterTry({ operation }: S3Request, number: number): (outcome: RequestOutcome) => void {
    const { meter, clock } = this.#dependencies;
    const startMs = clock.monotonicMs();
    return (outcome) =>
      meter?.tried(operation, { number, outcome, durationMs: clock.monotonicMs() - startMs });
  }
}

function clientConfig(options: S3Options): S3ClientConfig {
  const { endpoint, accessKeyId, secretAccessKey } = options;
  const region = options.region ?? (endpoint === undefined ? undefined : regionOfEnvironment());
  const maxSockets = options.connectionsMax ?? CONNECTIONS_MAX;
  const hasKeys = accessKeyId !== undefined && secretAccessKey !== undefined;
  return {
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? { followRegionRedirects: true } : { endpoint }),
    ...(hasKeys ? { credentials: { accessKeyId, secretAccessKey } } : {}),
    forcePathStyle: options.forcePathStyle ?? endpoint !== undefined,
    maxAttempts: 1,
    expectContinueHeader: false,
    // The signature covers the body's SHA-256 already; many servers do not know the new checksums.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      httpAgent: { keepAlive: true, maxSockets },
      httpsAgent: { keepAlive: true, maxSockets },
      logger: SILENT,
    },
  };
}

const ignore = (): void => {};
/** The SDK's advice on sockets goes to the console otherwise. */
const SILENT = { trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore };

function regionOfEnvironment(): string {
  return process.env['AWS_REGION'] ?? process.env['AWS_DEFAULT_REGION'] ?? 'us-east-1';
}

function validate(options: S3Options): void {
  const { endpoint, accessKeyId, secretAccessKey } = options;
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined)) {
    throw invalidOption('The S3 options accessKeyId and secretAccessKey belong together.');
  }
  if (options.kmsKeyId !== undefined && options.encryption !== 'aws:kms') {
    throw invalidOption('The S3 option kmsKeyId is for the encryption aws:kms.');
  }
  if (endpoint === undefined) return;
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null;
  if (url !== null && (url.username !== '' || url.password !== '')) {
    throw invalidOption('The S3 endpoint carries a user name or password.');
  }
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw invalidOption(`The S3 endpoint "${endpoint}" is no http:// or https:// URL.`);
  }
}

function invalidOption(message: string): SluiceError {
  return new SluiceError('ARGUMENT_INVALID', message, { domain: 'user' });
}

function timedOut(uri: string, server: string, timeoutMs: number): SluiceError {
  const message = `${server} did not answer for ${timeoutMs} ms.`;
  return new SluiceError('STORAGE_UNAVAILABLE', message, {
    domain: 'external',
    retry: 'backoff',
    context: { uri },
    hint: 'Look at the endpoint, the network, and whether the server runs.',
  });
}

function late(
  uri: string,
  server: string,
  { deadlineMs, cause }: { readonly deadlineMs: number; readonly cause: unknown },
): SluiceError {
  const last =
    cause instanceof SluiceError && cause.code !== 'CANCELLED' ? ` ${cause.message}` : '';
  const message = `${server} did not do it within ${Math.round(deadlineMs)} ms.${last}`;
  return new SluiceError('STORAGE_UNAVAILABLE', message, {
    domain: 'external',
    retry: 'backoff',
    context: { uri },
    cause,
  });
}

/** Aborts its signal when `extend` was not called for a while. */
class Deadline {
  readonly #controller = new AbortController();
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  #extendedAtMs: number;
  #cancelTimer: CancelTimer;

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#extendedAtMs = clock.monotonicMs();
    this.#cancelTimer = clock.setTimer(timeoutMs, () => this.#expire());
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  extend(): void {
    this.#extendedAtMs = this.#clock.monotonicMs();
  }

  clear(): void {
    this.#cancelTimer();
  }

  /** The timer is set anew only when it fires: `extend` is called for every chunk of a body. */
  #expire(): void {
    const leftMs = this.#extendedAtMs + this.#timeoutMs - this.#clock.monotonicMs();
    if (leftMs <= 0) this.#controller.abort();
    else this.#cancelTimer = this.#clock.setTimer(leftMs, () => this.#expire());
  }
}
