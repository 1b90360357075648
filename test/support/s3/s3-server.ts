import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { decodeAwsChunked, verifyChecksums } from './aws-chunked.ts';
import { Bucket } from './bucket.ts';
import { type FaultRule, Faults } from './faults.ts';
import {
  answer,
  answerXml,
  handle,
  operationOf,
  type S3Request,
  type S3Response,
} from './operations.ts';
import { S3Error } from './s3-error.ts';

const BODY_BYTES_MAX = 256 * 1024 * 1024;
const SLOW_BODY_PIECES = 8;
const SLOW_BODY_DELAY_MS = 50;

export interface S3ServerOptions {
  /** Default: any free port. */
  readonly port?: number;
  /** What it listens on; default: the loopback. */
  readonly host?: string;
  readonly buckets?: readonly string[];
  readonly faults?: readonly FaultRule[];
  /** Decides which requests meet faults with a rate. */
  readonly seed?: number;
  /** Requests signed with another key are refused; any key will do without it. */
  readonly accessKeyId?: string;
  /** Answers AccessDenied where it says so. */
  readonly denies?: (operation: string, bucket: string, key: string) => boolean;
}

/**
 * A small S3 server for tests: path-style buckets in memory, conditional writes, multipart uploads,
 * and faults by script. It checks bodies' checksums but not signatures.
 */
export class S3Server {
  readonly buckets = new Map<string, Bucket>();
  readonly faults: Faults;
  /** Requests so far by operation, those that met a fault included. */
  readonly requests = new Map<string, number>();
  readonly #options: S3ServerOptions;
  readonly #server: Server;

  private constructor(options: S3ServerOptions) {
    this.#options = options;
    this.faults = new Faults(options.seed ?? 1, options.faults);
    for (const name of options.buckets ?? []) this.buckets.set(name, new Bucket());
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(() => request.socket.destroy());
    });
    this.#server.keepAliveTimeout = 60_000;
  }

  static async start(options: S3ServerOptions = {}): Promise<S3Server> {
    const server = new S3Server(options);
    await new Promise<void>((resolve, reject) => {
      server.#server.once('error', reject);
      server.#server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve);
    });
    return server;
  }

  get endpoint(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `http://${address}:${port}`;
  }

  /** What the bucket holds, for assertions and to fill it. */
  bucket(name: string): Bucket {
    const found = this.buckets.get(name) ?? new Bucket();
    this.buckets.set(name, found);
    return found;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    // Not `new URL`: it would take `..` out of keys.
    const [path = '', search = ''] = splitOnce(incoming.url ?? '/', '?');
    const [bucketName, rawKey] = splitOnce(path.slice(1), '/');
    const bucket = decodeURIComponent(bucketName);
    const key = decodeURIComponent(rawKey);
    const query = new URLSearchParams(search.replaceAll('+', '%2B'));
    const operation =
      bucket === '' ? 'ListBuckets' : operationOf(incoming.method ?? '', key, query);
    this.requests.set(operation, (this.requests.get(operation) ?? 0) + 1);
    const fault = this.faults.decide(operation, key);
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'reset') {
      incoming.socket.resetAndDestroy();
      return;
    }
    const received = await readBody(incoming);
    const headers = headersOf(incoming);
    const response = this.#answer(
      { operation, bucket, key, query, headers, body: received },
      fault,
    );
    if (fault?.kind === 'lost-response') {
      incoming.socket.resetAndDestroy();
      return;
    }
    await send(incoming, outgoing, response, fault);
  }

  #answer(request: S3Request, fault: FaultRule | null): S3Response {
    try {
      if (fault?.kind === 'slow-down')
        throw new S3Error(503, 'SlowDown', 'Reduce your request rate');
      if (fault?.kind === 'internal-error') throw new S3Error(500, 'InternalError');
      this.#authorize(request);
      if (request.operation === 'ListBuckets') {
        const names = [...this.buckets.keys()].map((name) => ({ Name: name }));
        return answerXml(200, 'ListAllMyBucketsResult', { Buckets: { Bucket: names } });
      }
      if (request.operation === 'CreateBucket') {
        if (this.buckets.has(request.bucket)) throw new S3Error(409, 'BucketAlreadyOwnedByYou');
        this.buckets.set(request.bucket, new Bucket());
        return answer(200);
      }
      return handle({ ...request, body: decodeBody(request) }, this.buckets);
    } catch (error) {
      if (!(error instanceof S3Error)) throw error;
      return answerXml(error.status, 'Error', { Code: error.code, Message: error.message });
    }
  }

  #authorize({ headers, operation, bucket, key }: S3Request): void {
    const { accessKeyId, denies } = this.#options;
    const used = /Credential=([^/]+)\//.exec(headers.get('authorization') ?? '')?.[1];
    if (accessKeyId !== undefined && used !== accessKeyId) {
      throw new S3Error(403, used === undefined ? 'AccessDenied' : 'InvalidAccessKeyId');
    }
    if (denies?.(operation, bucket, key) === true) throw new S3Error(403, 'AccessDenied');
  }
}

function decodeBody({ headers, body }: S3Request): Buffer {
  const values = new Map(headers);
  let bytes = body;
  if ((headers.get('x-amz-content-sha256') ?? '').startsWith('STREAMING-')) {
    const decoded = decodeAwsChunked(body);
    for (const [name, value] of decoded.trailers) values.set(name, value);
    bytes = decoded.bytes;
    const announced = headers.get('x-amz-decoded-content-length');
    if (announced !== undefined && Number(announced) !== bytes.length) {
      throw new S3Error(400, 'IncompleteBody');
    }
  }
  verifyChecksums(bytes, values);
  return bytes;
}

async function send(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  response: S3Response,
  fault: FaultRule | null,
): Promise<void> {
  const { status, headers, body } = response;
  outgoing.writeHead(status, { ...headers, 'content-length': body.length });
  if (incoming.method === 'HEAD') {
    outgoing.end();
    return;
  }
  if (fault?.kind === 'truncate') {
    outgoing.write(body.subarray(0, body.length >> 1));
    // Let the half reach the client before the connection breaks.
    await delay(10);
    incoming.socket.destroy();
    return;
  }
  if (fault?.kind === 'slow-body') {
    await sendSlowly(outgoing, body, fault.delayMs ?? SLOW_BODY_DELAY_MS);
    return;
  }
  outgoing.end(body);
}

async function sendSlowly(outgoing: ServerResponse, body: Buffer, delayMs: number): Promise<void> {
  const gone = new AbortController();
  outgoing.once('close', () => gone.abort());
  const step = Math.max(1, Math.ceil(body.length / SLOW_BODY_PIECES));
  for (let start = 0; start < body.length; start += step) {
    outgoing.write(body.subarray(start, start + step));
    await delay(delayMs, undefined, { signal: gone.signal });
  }
  outgoing.end();
}

async function readBody(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_BYTES_MAX) throw new Error('the body is too long for a server of tests');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function headersOf(incoming: IncomingMessage): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (typeof value === 'string') headers.set(name, value);
  }
  return headers;
}

function splitOnce(text: string, separator: string): [string, string] {
  const index = text.indexOf(separator);
  return index < 0 ? [text, ''] : [text.slice(0, index), text.slice(index + 1)];
}
