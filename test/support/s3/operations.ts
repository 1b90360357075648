import { compareUris } from '../../../shared/filesystem/uri.ts';
import { type Bucket, md5, type StoredObject } from './bucket.ts';
import { S3Error } from './s3-error.ts';
import { parseCompletedParts, renderXml, type XmlFields } from './xml.ts';

export interface S3Request {
  readonly operation: string;
  readonly bucket: string;
  readonly key: string;
  readonly query: URLSearchParams;
  /** Lower-case names. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

export interface S3Response {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const EMPTY = Buffer.alloc(0);
const KEYS_MAX = 1000;

/** Which of S3's operations a request asks for. */
export function operationOf(method: string, key: string, query: URLSearchParams): string {
  const has = (name: string): boolean => query.has(name);
  const onBucket = key === '';
  switch (method) {
    case 'GET':
      if (onBucket) return has('uploads') ? 'ListMultipartUploads' : 'ListObjectsV2';
      return 'GetObject';
    case 'HEAD':
      return onBucket ? 'HeadBucket' : 'HeadObject';
    case 'PUT':
      if (onBucket) return 'CreateBucket';
      return has('uploadId') ? 'UploadPart' : 'PutObject';
    case 'POST':
      if (has('uploads')) return 'CreateMultipartUpload';
      return has('uploadId') ? 'CompleteMultipartUpload' : 'Unknown';
    case 'DELETE':
      if (onBucket) return 'DeleteBucket';
      return has('uploadId') ? 'AbortMultipartUpload' : 'DeleteObject';
    default:
      return 'Unknown';
  }
}

export function handle(request: S3Request, buckets: Map<string, Bucket>): S3Response {
  const bucket = buckets.get(request.bucket);
  if (bucket === undefined) throw new S3Error(404, 'NoSuchBucket');
  switch (request.operation) {
    case 'HeadBucket':
      return answer(200);
    case 'DeleteBucket':
      if (bucket.size > 0) throw new S3Error(409, 'BucketNotEmpty');
      buckets.delete(request.bucket);
      return answer(204);
    case 'ListObjectsV2':
      return listObjects(request, bucket);
    case 'ListMultipartUploads':
      return listUploads(request, bucket);
    case 'GetObject':
    case 'HeadObject':
      return getObject(request, bucket);
    case 'PutObject':
      return putObject(request, bucket);
    case 'DeleteObject':
      bucket.delete(request.key);
      return answer(204);
    default:
      return handleMultipart(request, bucket);
  }
}

export function answer(status: number, headers: Record<string, string> = {}): S3Response {
  return { status, headers, body: EMPTY };
}

export function answerXml(status: number, root: string, fields: XmlFields): S3Response {
  const body = Buffer.from(renderXml(root, fields));
  return { status, headers: { 'content-type': 'application/xml' }, body };
}

function handleMultipart(request: S3Request, bucket: Bucket): S3Response {
  const { operation, key, query, headers, body } = request;
  if (operation === 'CreateMultipartUpload') {
    const upload = bucket.createUpload(key, keptHeaders(headers));
    const fields = { Bucket: request.bucket, Key: key, UploadId: upload.id };
    return answerXml(200, 'InitiateMultipartUploadResult', fields);
  }
  const upload = bucket.upload(query.get('uploadId') ?? '', key);
  switch (operation) {
    case 'UploadPart': {
      const partNumber = Number(query.get('partNumber'));
      if (!(partNumber >= 1 && partNumber <= 10_000)) throw new S3Error(400, 'InvalidArgument');
      const etag = md5(body);
      upload.parts.set(partNumber, { bytes: body, etag });
      return answer(200, { etag: `"${etag}"` });
    }
    case 'CompleteMultipartUpload': {
      bucket.checkWrite(key, conditionsOf(headers));
      const { etag } = bucket.complete(upload, parseCompletedParts(body.toString()));
      const fields = { Bucket: request.bucket, Key: key, ETag: `"${etag}"` };
      return answerXml(200, 'CompleteMultipartUploadResult', fields);
    }
    case 'AbortMultipartUpload':
      bucket.uploads.delete(upload.id);
      return answer(204);
    default:
      throw new S3Error(501, 'NotImplemented', `${operation} is not implemented`);
  }
}

function putObject({ key, headers, body }: S3Request, bucket: Bucket): S3Response {
  bucket.checkWrite(key, conditionsOf(headers));
  const { etag } = bucket.put(key, body, keptHeaders(headers));
  return answer(200, { etag: `"${etag}"` });
}

function getObject({ key, headers }: S3Request, bucket: Bucket): S3Response {
  const object = bucket.get(key);
  const { ifMatch, ifNoneMatch } = conditionsOf(headers);
  if (ifMatch !== undefined && ifMatch !== '*' && ifMatch !== object.etag) {
    throw new S3Error(412, 'PreconditionFailed');
  }
  if (ifNoneMatch === object.etag) return answer(304);
  const common = {
    ...Object.fromEntries(object.headers),
    etag: `"${object.etag}"`,
    'last-modified': new Date(object.modifiedAtMs).toUTCString(),
    'accept-ranges': 'bytes',
  };
  const range = headers.get('range');
  if (range === undefined) return { status: 200, headers: common, body: object.bytes };
  const { start, end } = parseRange(range, object);
  const total = object.bytes.length;
  return {
    status: 206,
    headers: { ...common, 'content-range': `bytes ${start}-${end}/${total}` },
    body: object.bytes.subarray(start, end + 1),
  };
}

function parseRange(range: string, object: StoredObject): { start: number; end: number } {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(range) ?? [];
  const total = object.bytes.length;
  if (first === '' && last === '') throw new S3Error(400, 'InvalidArgument');
  const start = first === '' ? Math.max(0, total - Number(last)) : Number(first);
  const end = first === '' || last === '' ? total - 1 : Math.min(Number(last), total - 1);
  if (start >= total || end < start) throw new S3Error(416, 'InvalidRange');
  return { start, end };
}

function listObjects({ bucket: name, query }: S3Request, bucket: Bucket): S3Response {
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const token = query.get('continuation-token');
  const after =
    token === null ? (query.get('start-after') ?? '') : Buffer.from(token, 'base64').toString();
  const max = Math.min(Number(query.get('max-keys') ?? KEYS_MAX), KEYS_MAX);
  const encode = query.get('encoding-type') === 'url' ? encodeURIComponent : String;
  const contents: XmlFields[] = [];
  const folders = new Set<string>();
  let last = '';
  let truncated = false;
  for (const key of bucket.keysAfter(prefix, after)) {
    const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    const folder = cut < 0 ? null : key.slice(0, cut + delimiter.length);
    // A folder that a page ended with does not come again on the next one.
    if (folder !== null && (folders.has(folder) || after.startsWith(folder))) continue;
    if (contents.length + folders.size >= max) {
      truncated = true;
      break;
    }
    last = folder ?? key;
    if (folder === null) contents.push(listEntry(key, bucket.get(key), encode));
    else folders.add(folder);
  }
  return answerXml(200, 'ListBucketResult', {
    Name: name,
    Prefix: encode(prefix),
    KeyCount: contents.length + folders.size,
    MaxKeys: max,
    IsTruncated: truncated,
    ...(truncated ? { NextContinuationToken: Buffer.from(last).toString('base64') } : {}),
    Contents: contents,
    CommonPrefixes: [...folders].map((folder) => ({ Prefix: encode(folder) })),
  });
}

function listEntry(key: string, object: StoredObject, encode: (text: string) => string): XmlFields {
  return {
    Key: encode(key),
    LastModified: new Date(object.modifiedAtMs).toISOString(),
    ETag: `"${object.etag}"`,
    Size: object.bytes.length,
    StorageClass: 'STANDARD',
  };
}

function listUploads({ bucket: name, query }: S3Request, bucket: Bucket): S3Response {
  const prefix = query.get('prefix') ?? '';
  const keyMarker = query.get('key-marker') ?? '';
  const idMarker = query.get('upload-id-marker') ?? '';
  const max = Math.min(Number(query.get('max-uploads') ?? KEYS_MAX), KEYS_MAX);
  // In order of the keys, those of one key as they were begun; a map keeps that.
  const uploads = [...bucket.uploads.values()]
    .filter(({ key }) => key.startsWith(prefix))
    .sort((one, other) => compareUris(one.key, other.key));
  const marker = uploads.findIndex(({ key, id }) => key === keyMarker && id === idMarker);
  const after = uploads.findIndex(({ key }) => compareUris(key, keyMarker) > 0);
  const start = marker >= 0 ? marker + 1 : after < 0 ? uploads.length : after;
  const page = uploads.slice(start, start + max);
  const last = page.at(-1);
  const truncated = start + max < uploads.length && last !== undefined;
  return answerXml(200, 'ListMultipartUploadsResult', {
    Bucket: name,
    IsTruncated: truncated,
    ...(truncated ? { NextKeyMarker: last.key, NextUploadIdMarker: last.id } : {}),
    Upload: page.map(({ key, id }) => ({ Key: key, UploadId: id })),
  });
}

function conditionsOf(headers: ReadonlyMap<string, string>): {
  ifMatch: string | undefined;
  ifNoneMatch: string | undefined;
} {
  return {
    ifMatch: headers.get('if-match')?.replaceAll('"', ''),
    ifNoneMatch: headers.get('if-none-match')?.replaceAll('"', ''),
  };
}

function keptHeaders(headers: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const kept = [...headers].filter(
    ([name]) =>
      name === 'content-type' ||
      name.startsWith('x-amz-meta-') ||
      name.startsWith('x-amz-server-side-encryption'),
  );
  return new Map(kept);
}
