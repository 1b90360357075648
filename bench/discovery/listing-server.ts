import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const PAGE_KEYS_MAX = 1_000;
const MODIFIED = '2026-01-01T00:00:00.000Z';
const ETAG = '9e107d9d372bb6826bd81d3542a419d6';
/** In the way in which cameras and loggers name what they write: by number, in order. */
const DIGITS = 8;

export interface ListingServerOptions {
  readonly bucket: string;
  /** Of all keys; ends with a slash. */
  readonly prefix: string;
  /** Of the answer to a listing. */
  readonly delayMs: number;
  /** The body of every object. */
  readonly image: Buffer;
}

/**
 * As much of S3 as a watch asks for, made up on request: `count` keys below a prefix, in pages, and
 * one image as the body of each. Keys that are added come into the listing at their place.
 */
export class ListingServer {
  readonly #options: ListingServerOptions;
  readonly #server: Server;
  /** In order; few. */
  #added: string[] = [];
  /** Of keys that are there from the start. */
  count = 0;
  /** Key → when it was first asked for, milliseconds since the epoch. */
  readonly reads = new Map<string, number>();

  private constructor(options: ListingServerOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  static async start(options: ListingServerOptions): Promise<ListingServer> {
    const server = new ListingServer(options);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The key of a number; one with a suffix lies right behind it. */
  key(number: number, suffix = ''): string {
    return `${this.#options.prefix}${String(number).padStart(DIGITS, '0')}${suffix}.jpg`;
  }

  add(key: string): void {
    this.#added = [...this.#added, key].toSorted();
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const key = decodeURIComponent(url.pathname).slice(this.#options.bucket.length + 2);
    if (key === '') {
      response.setHeader('content-type', 'application/xml');
      setTimeout(() => response.end(this.#page(url.searchParams)), this.#options.delayMs);
      return;
    }
    const { image, prefix } = this.#options;
    if (!key.startsWith(prefix)) {
      response.statusCode = 404;
      response.end();
      return;
    }
    if (!this.reads.has(key)) this.reads.set(key, Date.now());
    response.setHeader('etag', `"${ETAG}"`);
    response.setHeader('last-modified', new Date(MODIFIED).toUTCString());
    response.setHeader('content-length', image.length);
    response.end(request.method === 'HEAD' ? undefined : image);
  }

  #page(query: URLSearchParams): string {
    const after = query.get('start-after') ?? '';
    const keysMax = Math.min(Number(query.get('max-keys') ?? PAGE_KEYS_MAX), PAGE_KEYS_MAX);
    const keys: string[] = [];
    let number = this.#firstAfter(after);
    let added = this.#added.findIndex((key) => key > after);
    while (keys.length < keysMax) {
      const next = number < this.count ? this.key(number) : undefined;
      const extra = added < 0 ? undefined : this.#added[added];
      if (next === undefined && extra === undefined) break;
      if (next === undefined || (extra !== undefined && extra < next)) {
        keys.push(extra ?? '');
        added += 1;
      } else {
        keys.push(next);
        number += 1;
      }
    }
    const isTruncated = keys.length === keysMax;
    return listingText(this.#options, keys, isTruncated);
  }

  #firstAfter(after: string): number {
    const { count } = this;
    const { prefix } = this.#options;
    if (after <= prefix) return 0;
    const number = Number(after.slice(prefix.length, prefix.length + DIGITS));
    if (Number.isNaN(number)) return count;
    return this.key(number) > after ? number : number + 1;
  }
}

function listingText(
  { bucket, prefix, image }: ListingServerOptions,
  keys: readonly string[],
  isTruncated: boolean,
): string {
  const contents = keys.map(
    (key) =>
      `<Contents><Key>${key}</Key><LastModified>${MODIFIED}</LastModified>` +
      `<ETag>&quot;${ETAG}&quot;</ETag><Size>${image.length}</Size>` +
      '<StorageClass>STANDARD</StorageClass></Contents>',
  );
  return (
    '<?xml version="1.0" encoding="UTF-8"?>' +
    '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' +
    `<Name>${bucket}</Name><Prefix>${prefix}</Prefix><KeyCount>${keys.length}</KeyCount>` +
    `<MaxKeys>${PAGE_KEYS_MAX}</MaxKeys><IsTruncated>${isTruncated}</IsTruncated>` +
    `${contents.join('')}</ListBucketResult>`
  );
}
