/** Objects that a stranger may put into a watched bucket. */
import { crc32, deflateSync } from 'node:zlib';

/** Below the watched prefix; names that begin with a dot are hidden files. Each would lead out of a folder where it is taken for a path. */
export const HOSTILE_KEYS = [
  '../escaped.jpg',
  '../../../../../../tmp/escaped.jpg',
  'a/../../escaped.jpg',
  'a%2f..%2f..%2f..%2fescaped.jpg',
  'a\\..\\..\\..\\escaped.jpg',
  './here.jpg',
  '/etc/escaped.jpg',
  '...jpg',
  'bell\u0007.jpg',
  'right-to-left\u202egpj.exe.jpg',
  '{label}.jpg',
  '$(touch escaped).jpg',
] as const;

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** Small files that promise, or unpack to, far more than a machine has. */
export function bombs(): ReadonlyMap<string, Buffer> {
  const zeros = deflateSync(Buffer.alloc(64 * 1024 ** 2), { level: 9 });
  return new Map([
    ['bomb-pixels.png', png(50_000, 50_000, [chunk('IDAT', zeros)])],
    ['bomb-int-overflow.png', png(0x7fffffff, 0x7fffffff, [chunk('IDAT', zeros)])],
    // 100 × 100 pixels need 10 kB; what is packed has 64 MiB.
    ['bomb-idat.png', png(100, 100, [chunk('IDAT', zeros)])],
    ['bomb-profile.png', png(8, 8, [profile(zeros), chunk('IDAT', deflateSync(Buffer.alloc(72)))])],
    ['bomb-screen.gif', gifOf(65_535, 65_535)],
    ['bomb-jpeg.jpg', jpegOf(65_500, 65_500)],
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, checksum]);
}

/** 8-bit grey. */
function png(width: number, height: number, chunks: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  const end = chunk('IEND', Buffer.alloc(0));
  return Buffer.concat([SIGNATURE, chunk('IHDR', header), ...chunks, end]);
}

function profile(packed: Buffer): Buffer {
  return chunk('iCCP', Buffer.concat([Buffer.from('bomb\0\0', 'latin1'), packed]));
}

function gifOf(width: number, height: number): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt16LE(width, 0);
  size.writeUInt16LE(height, 2);
  const image = Buffer.from([0x2c, 0, 0, 0, 0, ...size, 0, 2, 2, 0x44, 1, 0, 0x3b]);
  const palette = Buffer.from([0x80, 0, 0, 0, 0, 0, 255, 255, 255]);
  return Buffer.concat([Buffer.from('GIF89a', 'latin1'), size, palette, image]);
}

/** A frame header that promises the size, and no data. */
function jpegOf(width: number, height: number): Buffer {
  const frame = Buffer.from([0xff, 0xc0, 0, 11, 8, 0, 0, 0, 0, 1, 1, 0x11, 0]);
  frame.writeUInt16BE(height, 5);
  frame.writeUInt16BE(width, 7);
  return Buffer.concat([Buffer.from([0xff, 0xd8]), frame, Buffer.from([0xff, 0xd9])]);
}
