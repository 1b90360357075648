import { resolve } from 'node:path';
import { SluiceError } from '../errors/sluice-error.ts';

/**
 * URIs: the only place that takes one apart or puts one together. A Sluice URI is
 * `scheme://authority/path` with the path as the store knows it: nothing is percent-encoded, `?`,
 * `#` and `%` are ordinary characters. Pure functions, any thread.
 */
export interface Uri {
  /** Lower case: `file`, `s3`, `memory`, `https`… */
  readonly scheme: string;
  /** The bucket, the memory store's name, or `` for `file`. */
  readonly authority: string;
  /** `file`: the absolute path with its leading slash. Others: the key, without one. */
  readonly path: string;
}

const SCHEME = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/]*)/;
const AUTHORITY = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,254}$/;

export function isUri(text: string): boolean {
  return SCHEME.test(text);
}

/** Rejects with ARGUMENT_INVALID what is no absolute URI. */
export function parseUri(text: string): Uri {
  const match = SCHEME.exec(text);
  if (match === null) throw invalid(text, 'it is no URI', 'Write it as s3://bucket/key.');
  const scheme = (match[1] ?? '').toLowerCase();
  const authority = match[2] ?? '';
  const rest = text.slice(match[0].length);
  if (text.includes('\0')) throw invalid(text, 'it holds a NUL character');
  if (scheme === 'file') return { scheme, authority: '', path: filePath(text, authority, rest) };
  if (authority.includes('@')) {
    // The text may hold a password: it is not repeated.
    throw invalid(`${scheme}://…`, 'a URI carries no user name or password');
  }
  if (!AUTHORITY.test(authority)) {
    const what = scheme === 's3' ? 'bucket' : 'name';
    throw invalid(text, `"${authority}" is no ${what}`, `Write it as ${scheme}://${what}/path.`);
  }
  return { scheme, authority, path: rest.slice(1) };
}

export function formatUri(uri: Uri): string {
  if (uri.scheme === 'file') return `file://${uri.path}`;
  return `${uri.scheme}://${uri.authority}/${uri.path}`;
}

/** A path as a `file` URI, relative ones against `baseDirectory`; a URI in its normal form. */
export function toUri(pathOrUri: string, baseDirectory: string): string {
  if (isUri(pathOrUri)) return formatUri(parseUri(pathOrUri));
  if (pathOrUri === '') throw invalid(pathOrUri, 'it is empty');
  const absolute = resolve(baseDirectory, pathOrUri);
  const slash = pathOrUri.endsWith('/') && !absolute.endsWith('/') ? '/' : '';
  return formatUri(parseUri(`file://${absolute}${slash}`));
}

/**
 * The URI of `relativePath` below the folder `base`. What could lead out of it (`..`), or would name
 * something else after normalisation (`.`), is refused: the path may come from a stranger's key.
 */
export function joinUri(base: string, relativePath: string): string {
  for (const segment of relativePath.split('/')) {
    if (segment === '..' || segment === '.') {
      throw invalid(relativePath, `it holds the segment "${segment}"`);
    }
  }
  return formatUri(parseUri(folderUri(base) + relativePath));
}

/** The path of `uri` below the folder `base`, or null where it does not lie there. */
export function relativePath(base: string, uri: string): string | null {
  const folder = folderUri(base);
  return uri.startsWith(folder) && uri.length > folder.length ? uri.slice(folder.length) : null;
}

/** The URI with one slash at its end: as a folder. */
export function folderUri(uri: string): string {
  const parsed = parseUri(uri);
  const { path } = parsed;
  const folder = path === '' || path.endsWith('/') ? path : `${path}/`;
  return formatUri({ ...parsed, path: folder });
}

/** The folder that holds it, with a slash at its end; null where it is the root of its store. */
export function parentFolder(uri: string): string | null {
  const parsed = parseUri(uri);
  const path = parsed.path.replace(/\/$/, '');
  if (path === '') return null;
  return formatUri({ ...parsed, path: path.slice(0, path.lastIndexOf('/') + 1) });
}

/** The last segment, `b.jpg` of `s3://bucket/a/b.jpg`. */
export function fileName(uri: string): string {
  const { path } = parseUri(uri);
  return path.slice(path.lastIndexOf('/') + 1);
}

/**
 * The order of listings: by Unicode code point, which is the order of the UTF-8 bytes and S3's.
 * JavaScript's own `<` compares UTF-16 units and puts `😀` before `￮`.
 */
export function compareUris(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index++) {
    const a = left.charCodeAt(index);
    const b = right.charCodeAt(index);
    if (a === b) continue;
    const aAstral = a >= 0xd800 && a <= 0xdfff;
    const bAstral = b >= 0xd800 && b <= 0xdfff;
    if (aAstral !== bAstral) return aAstral ? 1 : -1;
    return a - b;
  }
  return left.length - right.length;
}

function filePath(text: string, authority: string, rest: string): string {
  if (authority !== '' && authority !== 'localhost') {
    throw invalid(text, 'a file URI names no host', `Did you mean file:///${authority}${rest}?`);
  }
  if (rest === '') throw invalid(text, 'it has no path', 'Write it as file:///path.');
  const segments = rest.split('/').slice(1);
  if (segments.includes('..')) throw invalid(text, 'it holds the segment ".."');
  const folder = segments.at(-1) === '' || segments.at(-1) === '.';
  const kept = segments.filter((segment) => segment !== '' && segment !== '.');
  return `/${kept.join('/')}${folder && kept.length > 0 ? '/' : ''}`;
}

function invalid(uri: string, reason: string, hint?: string): SluiceError {
  return new SluiceError('ARGUMENT_INVALID', `"${uri}" cannot be used: ${reason}.`, {
    domain: 'user',
    context: { uri },
    ...(hint === undefined ? {} : { hint }),
  });
}
