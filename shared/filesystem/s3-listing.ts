import type { ListObjectsV2CommandInput } from '@aws-sdk/client-s3';
import type { S3Attempt } from './s3-connection.ts';

export interface S3ListedObject {
  readonly key: string;
  readonly size: number;
  readonly etag: string;
  readonly modifiedAtMs: number;
}

export interface S3Listing {
  readonly objects: readonly S3ListedObject[];
  readonly isTruncated: boolean;
}

/** The part of the SDK's response that is used. */
interface Response {
  readonly statusCode: number;
  body: AsyncIterable<Uint8Array> | Uint8Array;
}

/**
 * Pages that are taken apart one after the other, with a turn of the event loop after each: a watch asks
 * for many at the same time, and whatever else the thread does would wait for all of them.
 */
export class PageTurns {
  #last: Promise<unknown> = Promise.resolve();

  take<T>(work: () => T): Promise<T> {
    const result = this.#last.then(work);
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    this.#last = result.then(turn, turn);
    return result;
  }
}

const PARSED_ALREADY = Buffer.from('<ListBucketResult></ListBucketResult>');

/**
 * One page of a bucket. The SDK signs, sends and tells failures apart; a page as servers write it is
 * taken apart here, at a tenth of the 10 ms that the SDK's parser takes for a thousand objects
 * (a watch lists all of its prefix again and again). Any other page is left to the SDK.
 */
export async function listS3Page(
  { sdk, client, signal }: S3Attempt,
  input: ListObjectsV2CommandInput,
  turns: PageTurns,
): Promise<S3Listing> {
  const command = new sdk.ListObjectsV2Command(input);
  let listing: S3Listing | null = null;
  command.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const response = result.response as Response;
      if (response.statusCode === 200) {
        const body = await readAll(response.body);
        listing = await turns.take(() => parseListing(body.toString('utf8')));
        response.body = listing === null ? body : PARSED_ALREADY;
      }
      return result;
    },
    { name: 'sluiceListing', step: 'deserialize', priority: 'low' },
  );
  const answer = await client.send(command, { abortSignal: signal });
  if (listing !== null) return listing;
  const objects = (answer.Contents ?? []).map(({ Key = '', Size = 0, ETag, LastModified }) => ({
    key: Key,
    size: Size,
    etag: unquote(ETag ?? ''),
    modifiedAtMs: LastModified?.getTime() ?? 0,
  }));
  return { objects, isTruncated: answer.IsTruncated === true };
}

async function readAll(body: Response['body']): Promise<Buffer> {
  if (body instanceof Uint8Array) return Buffer.from(body);
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Null where the text is anything but a plain, complete page. */
export function parseListing(text: string): S3Listing | null {
  const isWhole = text.includes('<ListBucketResult') && /<\/ListBucketResult>\s*$/.test(text);
  // Comments and character data.
  if (!isWhole || text.includes('<!')) return null;
  const objects: S3ListedObject[] = [];
  let end = 0;
  for (;;) {
    const start = text.indexOf('<Contents', end);
    if (start < 0) break;
    end = text.indexOf('</Contents>', start);
    if (end < 0) return null;
    const object = parseObject(text, start, end);
    if (object === null) return null;
    objects.push(object);
  }
  const isTruncated = /<IsTruncated>(true|false)<\/IsTruncated>/.exec(text)?.[1];
  return isTruncated === undefined ? null : { objects, isTruncated: isTruncated === 'true' };
}

/** `start`: of `<Contents`; `end`: of its closing tag. */
function parseObject(text: string, start: number, end: number): S3ListedObject | null {
  if (!text.startsWith('<Contents>', start)) return null;
  const key = content(text, KEY, { start, end });
  const size = Number(content(text, SIZE, { start, end }) ?? Number.NaN);
  const etag = content(text, ETAG, { start, end });
  const modifiedAtMs = Date.parse(content(text, LAST_MODIFIED, { start, end }) ?? '');
  if (key === null || key === '' || etag === null) return null;
  if (!Number.isSafeInteger(size) || Number.isNaN(modifiedAtMs)) return null;
  return { key, size, etag: unquote(etag), modifiedAtMs };
}

interface Tags {
  readonly open: string;
  readonly close: string;
}

const KEY: Tags = { open: '<Key>', close: '</Key>' };
const SIZE: Tags = { open: '<Size>', close: '</Size>' };
const ETAG: Tags = { open: '<ETag>', close: '</ETag>' };
const LAST_MODIFIED: Tags = { open: '<LastModified>', close: '</LastModified>' };

/** Of the first such element in the range; null where there is none, or something is in it. */
function content(
  text: string,
  { open, close }: Tags,
  range: { readonly start: number; readonly end: number },
): string | null {
  const at = text.indexOf(open, range.start);
  if (at < 0 || at > range.end) return null;
  const start = at + open.length;
  const end = text.indexOf('<', start);
  if (!text.startsWith(close, end)) return null;
  const value = text.slice(start, end);
  if (!value.includes('&')) return value;
  // What every etag has.
  const unquoted = value.replaceAll('&quot;', '"');
  return unquoted.includes('&') ? unescapeXml(value) : unquoted;
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
};

function unescapeXml(text: string): string | null {
  let isKnown = true;
  const plain = text.replaceAll(/&([^;]*)(;?)/g, (_, entity: string, end: string) => {
    const character = ENTITIES[entity] ?? numbered(entity);
    isKnown &&= character !== undefined && end === ';';
    return character ?? '';
  });
  return isKnown ? plain : null;
}

/** `#65`, `#x41` */
function numbered(entity: string): string | undefined {
  const [, hexadecimal, decimal] = /^#(?:x([0-9a-f]{1,6})|([0-9]{1,7}))$/i.exec(entity) ?? [];
  const point = Number.parseInt(hexadecimal ?? decimal ?? '', hexadecimal === undefined ? 10 : 16);
  return point >= 0 && point <= 0x10ffff ? String.fromCodePoint(point) : undefined;
}

function unquote(etag: string): string {
  return etag.replaceAll('"', '');
}
