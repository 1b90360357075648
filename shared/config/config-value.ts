/**
 * Values of configuration keys: from YAML, from the text of a variable or an option, and back. Pure.
 */
import { resolve } from 'node:path';
import { SluiceError } from '../errors/sluice-error.ts';
import { toUri } from '../filesystem/uri.ts';
import { durationSchema, sizeSchema } from '../pipeline/kinds/common.ts';
import { durationText, sizeText } from '../pipeline/quantity-text.ts';
import type { ConfigType, ConfigValue } from './config-key.ts';

export type ValueResult =
  | { readonly ok: true; readonly value: ConfigValue }
  /** `must be a whole number from 0 to 65535, not "x"`: follows the name of what is wrong. */
  | { readonly ok: false; readonly complaint: string };

const TEXT_LENGTH_MAX = 4096;
const PORT_MAX = 65_535;
const SHOWN_LENGTH_MAX = 60;

/** What YAML says, without positions. Paths are relative to `baseDirectory`. */
export function valueFromYaml(type: ConfigType, raw: unknown, baseDirectory: string): ValueResult {
  switch (type.kind) {
    case 'port':
    case 'integer':
    case 'boolean':
      return raw === undefined ? wrong(type, raw) : checked(type, raw, baseDirectory);
    case 'list':
      if (typeof raw === 'string') return valueFromText(type, raw, baseDirectory);
      return checked(type, raw, baseDirectory);
    default:
      return checked(type, raw, baseDirectory);
  }
}

/** What a variable or an option says. */
export function valueFromText(type: ConfigType, text: string, baseDirectory: string): ValueResult {
  switch (type.kind) {
    case 'port':
    case 'integer':
      return /^-?\d{1,15}$/.test(text)
        ? checked(type, Number(text), baseDirectory)
        : wrong(type, text);
    case 'boolean':
      if (text !== 'true' && text !== 'false') return wrong(type, text);
      return { ok: true, value: text === 'true' };
    case 'list':
      return checked(type, partsOf(text), baseDirectory);
    case 'map': {
      const parts = partsOf(text).map((part) => part.split('='));
      if (parts.some((part) => part.length !== 2)) return wrong(type, text);
      return checked(type, Object.fromEntries(parts), baseDirectory);
    }
    default:
      return checked(type, text, baseDirectory);
  }
}

function partsOf(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function checked(type: ConfigType, raw: unknown, baseDirectory: string): ValueResult {
  const value = read(type, raw, baseDirectory);
  return value === null ? wrong(type, raw) : { ok: true, value };
}

/** Null where the value is not of the type. */
function read(type: ConfigType, raw: unknown, baseDirectory: string): ConfigValue | null {
  switch (type.kind) {
    case 'text':
      return isText(raw) ? raw : null;
    case 'path':
      return isText(raw) ? resolve(baseDirectory, raw) : null;
    case 'location':
      return isText(raw) ? locationOf(raw, baseDirectory) : null;
    case 'url':
      return isText(raw) && isHttpUrl(raw) ? raw : null;
    case 'enum':
      return typeof raw === 'string' && type.values.includes(raw) ? raw : null;
    case 'boolean':
      return typeof raw === 'boolean' ? raw : null;
    case 'port':
      return isWithin(raw, 0, PORT_MAX) ? raw : null;
    case 'integer':
      return isWithin(raw, type.min, type.max) ? raw : null;
    case 'duration':
      return quantity(durationSchema.safeParse(raw), type.minMs, type.maxMs);
    case 'size':
      return quantity(sizeSchema.safeParse(raw), 0, type.maxBytes);
    case 'list': {
      const isFine = Array.isArray(raw) && raw.length > 0 && raw.length <= type.itemsMax;
      return isFine && raw.every(isText) ? raw : null;
    }
    case 'map': {
      if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return null;
      const entries = Object.entries(raw);
      const isFine = entries.every(([name, text]) => name !== '' && isText(text));
      return isFine && entries.length <= type.entriesMax
        ? (Object.fromEntries(entries) as Record<string, string>)
        : null;
    }
    default:
      return type satisfies never;
  }
}

/** One line of text. */
function isText(raw: unknown): raw is string {
  if (typeof raw !== 'string' || raw.trim() === '' || raw.length > TEXT_LENGTH_MAX) return false;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
  return !/[\u0000-\u001f\u007f]/.test(raw);
}

function isWithin(raw: unknown, min: number, max: number): raw is number {
  return typeof raw === 'number' && Number.isInteger(raw) && raw >= min && raw <= max;
}

function quantity(
  parsed: { readonly success: boolean; readonly data?: number | undefined },
  min: number,
  max: number,
): number | null {
  const { success, data } = parsed;
  return success && data !== undefined && data >= min && data <= max ? data : null;
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

function locationOf(text: string, baseDirectory: string): string | null {
  try {
    return toUri(text, baseDirectory);
  } catch (error) {
    if (error instanceof SluiceError) return null;
    throw error;
  }
}

function wrong(type: ConfigType, raw: unknown): ValueResult {
  return { ok: false, complaint: `must be ${allowedText(type)}, not ${describe(raw)}` };
}

/** Of a map or a list, what is wrong inside. */
function describe(raw: unknown): string {
  if (typeof raw !== 'object' || raw === null) return show(raw);
  const entries = Object.entries(raw);
  const bad = entries.find(([name, value]) => name === '' || !isText(value));
  if (Array.isArray(raw)) {
    return bad === undefined ? `a list of ${raw.length}` : `a list with ${show(bad[1])}`;
  }
  if (bad === undefined) return `a map of ${entries.length}`;
  return `a map in which "${bad[0]}" is ${show(bad[1])}`;
}

/** Follows "must be": `a whole number from 0 to 65535`. */
export function allowedText(type: ConfigType): string {
  switch (type.kind) {
    case 'text':
      return 'text of one line';
    case 'path':
      return 'a path';
    case 'location':
      return 'a path or a URI such as s3://bucket/prefix';
    case 'url':
      return 'an http:// or https:// URL';
    case 'enum':
      return `one of ${type.values.join(', ')}`;
    case 'boolean':
      return 'true or false';
    case 'port':
      return `a whole number from 0 to ${PORT_MAX}`;
    case 'integer':
      return `a whole number from ${type.min} to ${type.max}`;
    case 'duration': {
      const bounds = `from ${durationText(type.minMs)} to ${durationText(type.maxMs)}`;
      return `a duration such as 500ms, 10s or 5m (${bounds})`;
    }
    case 'size':
      return `a size such as 512KiB, 64MiB or 1GiB (at most ${sizeText(type.maxBytes)})`;
    case 'list':
      return `a list of 1 to ${type.itemsMax} texts`;
    case 'map':
      return `a map of at most ${type.entriesMax} names to texts (name=value in one text)`;
    default:
      return type satisfies never;
  }
}

function show(raw: unknown): string {
  if (raw === null || raw === undefined) return 'nothing';
  if (Array.isArray(raw)) return raw.length === 0 ? 'an empty list' : 'a list';
  if (typeof raw === 'object') return 'a map';
  const text = typeof raw === 'string' ? `"${raw}"` : String(raw);
  return text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX)}…` : text;
}

/** As the file would say it: durations and sizes with their unit. */
export function valueToYaml(type: ConfigType, value: ConfigValue): ConfigValue {
  if (typeof value !== 'number') return value;
  if (type.kind === 'duration') return durationText(value);
  return type.kind === 'size' ? sizeText(value) : value;
}
