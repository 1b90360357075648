/**
 * Makes a thumbnail's key from a template such as `{label}/{path}.{format}`. Keys contain what
 * strangers wrote (object keys, fields of records), so no value can lead out of the folder: slashes,
 * control characters and names made of dots only are replaced. Pure.
 */
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import { fileName, relativePath } from '../../../shared/filesystem/uri.ts';
import type { StreamRecord } from '../../../shared/record/stream-record.ts';

export type ThumbnailKey = (record: StreamRecord) => string;

export interface ThumbnailKeyOptions {
  readonly template: string;
  readonly format: string;
  /** Longest first. */
  readonly sourceRoots: readonly string[];
}

type Part = { readonly literal: string } | { readonly field: string };

/** A file name may have 255 bytes on most file systems; this leaves room for several values. */
const VALUE_LENGTH_MAX = 120;

/**
 * `{path}` is the object's path below its source without the extension, `{name}` its last segment,
 * `{etag}` its version, `{format}` the thumbnail's format; anything else is a field of the record
 * (`{model.name}` reaches inside). Throws ARGUMENT_INVALID for a template that cannot work; the
 * function throws RECORD_INVALID where a record lacks a field.
 */
export function compileThumbnailKey(options: ThumbnailKeyOptions): ThumbnailKey {
  const parts = parseTemplate(options.template);
  return (record) =>
    parts
      .map((part) =>
        'literal' in part ? part.literal : placeholderText(part.field, record, options),
      )
      .join('');
}

function parseTemplate(template: string): readonly Part[] {
  const parts: Part[] = [];
  for (const piece of template.split(/(\{[^{}]*\})/)) {
    const field = /^\{\s*([^{}]*?)\s*\}$/.exec(piece)?.[1];
    if (field === '') throw templateError(template, 'a placeholder is empty');
    if (field !== undefined) parts.push({ field });
    else if (/[{}]/.test(piece)) throw templateError(template, 'a brace has no partner');
    else if (piece !== '') parts.push({ literal: piece });
  }
  const segments = parts
    .map((part) => ('literal' in part ? part.literal : 'x'))
    .join('')
    .split('/');
  if (segments.some((segment) => segment === '')) {
    throw templateError(template, 'it begins or ends with a slash, or has two in a row');
  }
  if (segments.some((segment) => isDots(segment))) {
    throw templateError(template, 'it holds a segment "." or ".."');
  }
  return parts;
}

function placeholderText(
  field: string,
  record: StreamRecord,
  options: ThumbnailKeyOptions,
): string {
  switch (field) {
    case 'format':
      return options.format;
    case 'path':
      return pathBelowSource(uriOf(record, field), options.sourceRoots);
    case 'name':
      return safeSegment(withoutExtension(fileName(uriOf(record, field))));
    case 'etag':
      return safeSegment(record.source?.etag ?? '');
    default:
      return safeSegment(fieldText(field, record));
  }
}

function uriOf(record: StreamRecord, field: string): string {
  if (record.source !== null) return record.source.uri;
  throw recordError(`the thumbnail's key needs {${field}}, but the record comes from no file`);
}

function pathBelowSource(uri: string, sourceRoots: readonly string[]): string {
  const root = sourceRoots.find((candidate) => relativePath(candidate, uri) !== null);
  const path = root === undefined ? fileName(uri) : (relativePath(root, uri) ?? '');
  return withoutExtension(path)
    .split('/')
    .map((segment) => safeCharacters(segment))
    .join('/');
}

/** `a.b/c.jpg` → `a.b/c`; a name that is nothing but an extension stays. */
function withoutExtension(path: string): string {
  return path.replace(/(?<=[^/])\.[^./]*$/, '');
}

function fieldText(field: string, record: StreamRecord): string {
  let value: unknown = record.value;
  for (const key of field.split('.')) {
    value =
      typeof value === 'object' && value !== null && Object.hasOwn(value, key)
        ? (value as Record<string, unknown>)[key]
        : undefined;
  }
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') {
    return String(value);
  }
  throw recordError(`the thumbnail's key needs {${field}}, which the record does not have`);
}

function safeSegment(value: string): string {
  return safeCharacters(Array.from(value).slice(0, VALUE_LENGTH_MAX).join(''));
}

/** One segment's text: never empty, never dots only, no separators of any system. */
function safeCharacters(value: string): string {
  const safe = value.toWellFormed().replace(/[/\\\p{Cc}]/gu, '_');
  return safe === '' || isDots(safe) ? '_'.repeat(Math.max(1, safe.length)) : safe;
}

function isDots(segment: string): boolean {
  return /^\.+$/.test(segment);
}

function templateError(template: string, reason: string): SluiceError {
  return new SluiceError('ARGUMENT_INVALID', `The key "${template}" cannot be used: ${reason}.`, {
    domain: 'user',
    hint: 'Write it like "{path}.{format}" or "{label}/{name}-{etag}.{format}".',
  });
}

function recordError(message: string): SluiceError {
  return new SluiceError('RECORD_INVALID', message, { domain: 'user' });
}
