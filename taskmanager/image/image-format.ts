/**
 * Tells the format of an image by its first bytes, never by its name: a `.jpg` that is a PNG is a
 * PNG. Pure.
 */
export type ImageFormat = 'jpeg' | 'png' | 'bmp' | 'webp' | 'gif' | 'tiff' | 'avif' | 'svg';

/** As far as an SVG's root element may lie behind a prologue and comments. */
const TEXT_BYTES_MAX = 4096;
const BRANDS_BYTES_MAX = 256;

/** The format, or null where the content is none of those known here. */
export function detectFormat(bytes: Uint8Array): ImageFormat | null {
  if (startsWith(bytes, 0, [0xff, 0xd8, 0xff])) return 'jpeg';
  if (startsWith(bytes, 0, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])) return 'png';
  if (ascii(bytes, 0, 4) === 'RIFF' && ascii(bytes, 8, 12) === 'WEBP') return 'webp';
  if (ascii(bytes, 0, 6) === 'GIF87a' || ascii(bytes, 0, 6) === 'GIF89a') return 'gif';
  if (isTiff(bytes)) return 'tiff';
  if (isAvif(bytes)) return 'avif';
  if (ascii(bytes, 0, 2) === 'BM') return 'bmp';
  return isSvg(bytes) ? 'svg' : null;
}

/** What the content looks like, for the message about an unknown format. */
export function describeContent(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'the file is empty';
  const head = bytes.subarray(0, 16);
  if (ascii(bytes, 4, 8) === 'ftyp') return `the brand ${JSON.stringify(ascii(bytes, 8, 12))}`;
  const printable = head.every((byte) => (byte >= 0x20 && byte < 0x7f) || isWhiteSpace(byte));
  if (printable) return `text that begins with ${JSON.stringify(ascii(bytes, 0, head.length))}`;
  return `bytes that begin with ${Buffer.from(head)
    .toString('hex')
    .replace(/(..)(?=.)/g, '$1 ')}`;
}

/** Classic TIFF and BigTIFF, in both byte orders. */
function isTiff(bytes: Uint8Array): boolean {
  return (
    startsWith(bytes, 0, [0x49, 0x49, 0x2a, 0x00]) ||
    startsWith(bytes, 0, [0x4d, 0x4d, 0x00, 0x2a]) ||
    startsWith(bytes, 0, [0x49, 0x49, 0x2b, 0x00]) ||
    startsWith(bytes, 0, [0x4d, 0x4d, 0x00, 0x2b])
  );
}

/** An ISO base media file whose major or compatible brands name AVIF (HEIC is another codec). */
function isAvif(bytes: Uint8Array): boolean {
  if (ascii(bytes, 4, 8) !== 'ftyp') return false;
  const size = Math.min(readUint32(bytes, 0), BRANDS_BYTES_MAX, bytes.length);
  for (let at = 8; at + 4 <= size; at += at === 8 ? 8 : 4) {
    const brand = ascii(bytes, at, at + 4);
    if (brand === 'avif' || brand === 'avis') return true;
  }
  return false;
}

const PROLOGUE = /^\s*(?:(?:<\?[^>]*>|<!--[\s\S]*?-->|<!DOCTYPE(?:[^[>]|\[[^\]]*\])*>)\s*)*/i;

function isSvg(bytes: Uint8Array): boolean {
  if (startsWith(bytes, 0, [0x1f, 0x8b])) return false;
  const text = new TextDecoder('utf-8').decode(bytes.subarray(0, TEXT_BYTES_MAX));
  const prologue = PROLOGUE.exec(text)?.[0].length ?? 0;
  return /^<(?:\w+:)?svg[\s>/]/i.test(text.slice(prologue, prologue + 32));
}

function startsWith(bytes: Uint8Array, at: number, signature: readonly number[]): boolean {
  return signature.every((byte, index) => bytes[at + index] === byte);
}

function ascii(bytes: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...bytes.subarray(from, to));
}

function readUint32(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at);
}

function isWhiteSpace(byte: number): boolean {
  return byte === 0x09 || byte === 0x0a || byte === 0x0d;
}
