import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeBmp } from '../../../taskmanager/image/bmp-decoder.ts';
import { readBmpHeader } from '../../../taskmanager/image/bmp-header.ts';

interface BmpParts {
  readonly width: number;
  /** Negative: rows from the top. */
  readonly height: number;
  readonly bits: number;
  readonly compression?: number;
  readonly masks?: readonly number[];
  readonly palette?: readonly (readonly [number, number, number])[];
  readonly pixels: readonly number[];
  readonly headerBytes?: number;
}

function bmp(parts: BmpParts): Uint8Array {
  const { masks = [], palette = [], headerBytes = 40 } = parts;
  const maskBytes = headerBytes === 40 ? masks.length * 4 : 0;
  const dataOffset = 14 + headerBytes + maskBytes + palette.length * 4;
  const bytes = Buffer.alloc(dataOffset + parts.pixels.length);
  bytes.write('BM', 0, 'latin1');
  bytes.writeUInt32LE(bytes.length, 2);
  bytes.writeUInt32LE(dataOffset, 10);
  bytes.writeUInt32LE(headerBytes, 14);
  bytes.writeInt32LE(parts.width, 18);
  bytes.writeInt32LE(parts.height, 22);
  bytes.writeUInt16LE(1, 26);
  bytes.writeUInt16LE(parts.bits, 28);
  bytes.writeUInt32LE(parts.compression ?? 0, 30);
  bytes.writeUInt32LE(palette.length, 46);
  masks.forEach((mask, index) => {
    bytes.writeUInt32LE(mask >>> 0, 54 + index * 4);
  });
  const paletteAt = 14 + headerBytes + maskBytes;
  palette.forEach(([red, green, blue], index) => {
    bytes.set([blue, green, red, 0], paletteAt + index * 4);
  });
  bytes.set(parts.pixels, dataOffset);
  return bytes;
}

function pixelsOf(bytes: Uint8Array): number[][] {
  const { data, channels } = decodeBmp(bytes, readBmpHeader(bytes));
  const pixels: number[][] = [];
  for (let at = 0; at < data.length; at += channels)
    pixels.push([...data.slice(at, at + channels)]);
  return pixels;
}

const RED = [255, 0, 0] as const;
const GREEN = [0, 255, 0] as const;
const BLUE = [0, 0, 255] as const;
const BLACK = [0, 0, 0] as const;
const PALETTE = [BLACK, RED, GREEN, BLUE] as const;

test('when rows come from the bottom, then they are turned; from the top, then they stay', () => {
  const pixels = [0, 0, 255, 0, 0, 255, 0, 0];
  const common = { width: 1, bits: 24, pixels };
  assert.deepEqual(pixelsOf(bmp({ ...common, height: 2 })), [GREEN, RED]);
  assert.deepEqual(pixelsOf(bmp({ ...common, height: -2 })), [RED, GREEN]);
});

test('when pixels are indices of 1, 4 or 8 bits, then they get the colours of the table', () => {
  const common = { width: 3, height: 1, palette: PALETTE };
  assert.deepEqual(pixelsOf(bmp({ ...common, bits: 1, pixels: [0b0100_0000, 0, 0, 0] })), [
    BLACK,
    RED,
    BLACK,
  ]);
  assert.deepEqual(pixelsOf(bmp({ ...common, bits: 4, pixels: [0x12, 0x30, 0, 0] })), [
    RED,
    GREEN,
    BLUE,
  ]);
  assert.deepEqual(pixelsOf(bmp({ ...common, bits: 8, pixels: [3, 9, 1, 0] })), [BLUE, BLACK, RED]);
});

test('when 16 bits have no masks, then five belong to each colour', () => {
  const pixels = [0x00, 0x7c, 0xe0, 0x03, 0x1f, 0x00, 0x00, 0x00];
  assert.deepEqual(pixelsOf(bmp({ width: 3, height: 1, bits: 16, pixels })), [RED, GREEN, BLUE]);
});

test('when there are masks, then the whole range of each colour is used', () => {
  const masks = [0xf800, 0x07e0, 0x001f];
  const pixels = [0x00, 0xf8, 0xe0, 0x07, 0x1f, 0x00, 0x10, 0x84];
  const decoded = pixelsOf(bmp({ width: 4, height: 1, bits: 16, compression: 3, masks, pixels }));
  assert.deepEqual(decoded, [RED, GREEN, BLUE, [132, 130, 132]]);
  const wide = [0x3ff00000, 0x000ffc00, 0x000003ff];
  const word = Buffer.alloc(4);
  word.writeUInt32LE(0x3ff00000);
  assert.deepEqual(
    pixelsOf(
      bmp({ width: 1, height: 1, bits: 32, compression: 3, masks: wide, pixels: [...word] }),
    ),
    [RED],
  );
});

test('when there is an alpha mask, then alpha is kept, but not where all of it is 0', () => {
  const masks = [0xff0000, 0x00ff00, 0x0000ff, 0xff000000];
  const common = { width: 2, height: 1, bits: 32, compression: 3, masks, headerBytes: 56 };
  assert.deepEqual(pixelsOf(bmp({ ...common, pixels: [0, 0, 255, 128, 0, 255, 0, 0] })), [
    [...RED, 128],
    [...GREEN, 0],
  ]);
  assert.deepEqual(pixelsOf(bmp({ ...common, pixels: [0, 0, 255, 0, 0, 255, 0, 0] })), [
    [...RED, 255],
    [...GREEN, 255],
  ]);
});

test('when rows are run lengths of 8 bits, then runs, literals and moves are drawn', () => {
  const pixels = [2, 1, 0, 0, 0, 3, 3, 2, 1, 0, 0, 1];
  const decoded = pixelsOf(
    bmp({ width: 3, height: 2, bits: 8, compression: 1, palette: PALETTE, pixels }),
  );
  assert.deepEqual(decoded, [BLUE, GREEN, RED, RED, RED, BLACK]);
  const moved = pixelsOf(
    bmp({
      width: 2,
      height: 2,
      bits: 8,
      compression: 1,
      palette: PALETTE,
      pixels: [0, 2, 1, 1, 1, 3, 0, 1],
    }),
  );
  assert.deepEqual(moved, [BLACK, BLUE, BLACK, BLACK]);
});

test('when rows are run lengths of 4 bits, then both halves of a byte are drawn', () => {
  const pixels = [3, 0x12, 0, 0, 0, 3, 0x32, 0x10, 0, 1];
  const decoded = pixelsOf(
    bmp({ width: 3, height: 2, bits: 4, compression: 2, palette: PALETTE, pixels }),
  );
  assert.deepEqual(decoded, [BLUE, GREEN, RED, RED, GREEN, RED]);
});

test('when the data end too early, then the image is rejected', () => {
  const whole = bmp({ width: 2, height: 2, bits: 24, pixels: new Array(16).fill(1) });
  assert.throws(() => pixelsOf(whole.subarray(0, whole.length - 3)), { code: 'IMAGE_CORRUPT' });
  const padding = whole.subarray(0, whole.length - 2);
  assert.equal(pixelsOf(padding).length, 4, 'the padding of the last row may be missing');
  const runs = { width: 3, height: 2, bits: 8, compression: 1, palette: PALETTE };
  assert.throws(() => pixelsOf(bmp({ ...runs, pixels: [3, 1, 0, 0, 1] })), {
    code: 'IMAGE_CORRUPT',
  });
  assert.equal(pixelsOf(bmp({ ...runs, pixels: [3, 1, 0, 0, 3, 1] })).length, 6, 'no end marker');
});

for (const [what, parts] of [
  ['a width of 0', { width: 0, height: 1, bits: 24, pixels: [0, 0, 0] }],
  ['a negative width', { width: -1, height: 1, bits: 24, pixels: [0, 0, 0] }],
  ['a height of 0', { width: 1, height: 0, bits: 24, pixels: [0, 0, 0] }],
  ['2 bits a pixel', { width: 1, height: 1, bits: 2, pixels: [0] }],
  ['an embedded JPEG', { width: 1, height: 1, bits: 24, compression: 4, pixels: [0] }],
  ['run lengths from the top', { width: 1, height: -1, bits: 8, compression: 1, pixels: [0] }],
  [
    'bits of a colour apart',
    { width: 1, height: 1, bits: 16, compression: 3, masks: [5, 2, 8], pixels: [0, 0] },
  ],
] satisfies [string, BmpParts][]) {
  test(`when the header says ${what}, then the image is rejected`, () => {
    assert.throws(() => pixelsOf(bmp(parts)), { code: 'IMAGE_CORRUPT' });
  });
}

test('when a BMP is damaged anywhere, then it decodes or is rejected, and nothing else', () => {
  const valid = bmp({
    width: 5,
    height: 4,
    bits: 8,
    compression: 1,
    palette: PALETTE,
    pixels: [5, 1, 0, 0, 5, 2, 0, 0, 5, 3, 0, 0, 5, 1, 0, 1],
  });
  const damage = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 4 });
  fc.assert(
    fc.property(damage, fc.nat(valid.length), (changes, length) => {
      const bytes = Buffer.from(valid.subarray(0, length));
      for (const [at, value] of changes) if (at >= 2 && at < length) bytes[at] = value;
      try {
        const header = readBmpHeader(bytes);
        if (header.width * header.height > 1_000_000) return;
        decodeBmp(bytes, header);
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'IMAGE_CORRUPT', String(error));
      }
    }),
    { numRuns: 2000 },
  );
});
