import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readExifOrientation } from '../../../taskmanager/image/exif-orientation.ts';
import { isSrgbProfile } from '../../../taskmanager/image/icc-profile.ts';
import { readJpegHeader } from '../../../taskmanager/image/jpeg-header.ts';

function segment(marker: number, payload: Uint8Array): Buffer {
  const head = Buffer.from([0xff, marker, 0, 0]);
  head.writeUInt16BE(payload.length + 2, 2);
  return Buffer.concat([head, payload]);
}

function exif(orientation: number, littleEndian: boolean): Buffer {
  const block = Buffer.alloc(26);
  const u16 = (value: number, at: number): unknown =>
    littleEndian ? block.writeUInt16LE(value, at) : block.writeUInt16BE(value, at);
  const u32 = (value: number, at: number): unknown =>
    littleEndian ? block.writeUInt32LE(value, at) : block.writeUInt32BE(value, at);
  block.write(littleEndian ? 'II' : 'MM', 0, 'latin1');
  u16(42, 2);
  u32(8, 4);
  u16(1, 8);
  u16(0x0112, 10);
  u16(3, 12);
  u32(1, 14);
  u16(orientation, 18);
  return block;
}

const SOF = Buffer.from([8, 0x01, 0x77, 0x01, 0xf4, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1]);
const SCAN = Buffer.concat([segment(0xda, Buffer.alloc(10)), Buffer.from([1, 2, 3])]);
const SOI = Buffer.from([0xff, 0xd8]);
const EOI = Buffer.from([0xff, 0xd9]);
const APP1 = segment(0xe1, Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), exif(6, true)]));

test('when a JPEG is ordinary, then size, orientation and completeness are read', () => {
  const bytes = Buffer.concat([SOI, APP1, segment(0xc0, SOF), SCAN, EOI]);
  assert.deepEqual(readJpegHeader(bytes), {
    width: 500,
    height: 375,
    orientation: 6,
    progressive: false,
    colorProfile: 'none',
    complete: true,
  });
});

test('when the end marker is only inside the embedded preview, then the JPEG is incomplete', () => {
  const preview = segment(0xe2, Buffer.concat([SOI, EOI]));
  const bytes = Buffer.concat([SOI, preview, segment(0xc2, SOF), SCAN]);
  const header = readJpegHeader(bytes);
  assert.equal(header?.complete, false);
  assert.equal(header?.progressive, true);
});

test('when fill bytes and trailing bytes are there, then they do no harm', () => {
  const fill = Buffer.from([0xff, 0xff]);
  const bytes = Buffer.concat([SOI, fill, segment(0xc0, SOF), SCAN, EOI, Buffer.alloc(20)]);
  assert.equal(readJpegHeader(bytes)?.complete, true);
});

test('when the header is unusual, then it is left to the library', () => {
  const zeroHeight = Buffer.from(SOF);
  zeroHeight.writeUInt16BE(0, 1);
  assert.equal(readJpegHeader(Buffer.concat([SOI, segment(0xc0, zeroHeight), SCAN, EOI])), null);
  assert.equal(readJpegHeader(Buffer.concat([SOI, SCAN, EOI])), null);
  assert.equal(
    readJpegHeader(Buffer.concat([SOI, segment(0xc0, SOF), segment(0xc0, SOF), SCAN])),
    null,
  );
  const many = Array.from({ length: 2000 }, () => segment(0xfe, Buffer.alloc(0)));
  assert.equal(readJpegHeader(Buffer.concat([SOI, ...many, segment(0xc0, SOF), SCAN, EOI])), null);
});

test('when bytes are any, then reading throws nothing', () => {
  const valid = Buffer.concat([SOI, APP1, segment(0xc0, SOF), SCAN, EOI]);
  const damage = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 5 });
  fc.assert(
    fc.property(damage, fc.nat(valid.length), (changes, length) => {
      const bytes = Buffer.from(valid);
      for (const [at, value] of changes) bytes[at] = value;
      const header = readJpegHeader(bytes.subarray(0, length));
      if (header !== null) assert.ok(header.orientation >= 1 && header.orientation <= 8);
    }),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const orientation = readExifOrientation(bytes);
      assert.ok(orientation >= 1 && orientation <= 8);
      isSrgbProfile(Buffer.from(bytes));
    }),
  );
});

test('when EXIF is of either byte order, then the orientation is read; invalid ones are 1', () => {
  for (const littleEndian of [true, false]) {
    for (let value = 1; value <= 8; value += 1) {
      assert.equal(readExifOrientation(exif(value, littleEndian)), value);
    }
    assert.equal(readExifOrientation(exif(0, littleEndian)), 1);
    assert.equal(readExifOrientation(exif(9, littleEndian)), 1);
  }
});

test('when a profile calls itself sRGB, then it is one; in its text only, then not', () => {
  const profile = (tag: string, text: Buffer): Buffer => {
    const bytes = Buffer.alloc(144 + text.length);
    bytes.write('RGB ', 16, 'latin1');
    bytes.writeUInt32BE(1, 128);
    bytes.write(tag, 132, 'latin1');
    bytes.writeUInt32BE(144, 136);
    bytes.writeUInt32BE(text.length, 140);
    text.copy(bytes, 144);
    return bytes;
  };
  const utf16 = Buffer.from('sRGB', 'utf16le').swap16();
  assert.equal(isSrgbProfile(profile('desc', Buffer.from('sRGB IEC61966-2.1'))), true);
  assert.equal(isSrgbProfile(profile('desc', utf16)), true);
  assert.equal(isSrgbProfile(profile('desc', Buffer.from('Adobe RGB (1998)'))), false);
  assert.equal(isSrgbProfile(profile('cprt', Buffer.from('sRGB'))), false);
});
