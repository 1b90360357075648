import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { describeContent, detectFormat } from '../../../taskmanager/image/image-format.ts';

const latin1 = (text: string): Uint8Array => Buffer.from(text, 'latin1');
const ftyp = (...brands: string[]): Uint8Array => {
  const [major = '', ...others] = brands;
  const body = `ftyp${major}\0\0\0\0${others.join('')}`;
  return latin1(String.fromCharCode(0, 0, 0, body.length + 4) + body);
};

const CASES: readonly [string, Uint8Array, string | null][] = [
  ['JPEG', latin1('\xff\xd8\xff\xe0'), 'jpeg'],
  ['PNG', latin1('\x89PNG\r\n\x1a\n'), 'png'],
  ['BMP', latin1('BM1234'), 'bmp'],
  ['WebP', latin1('RIFF\x10\0\0\0WEBPVP8 '), 'webp'],
  ['another RIFF', latin1('RIFF\x10\0\0\0WAVEfmt '), null],
  ['GIF 87', latin1('GIF87a'), 'gif'],
  ['GIF 89', latin1('GIF89a'), 'gif'],
  ['TIFF, little-endian', latin1('II*\0'), 'tiff'],
  ['TIFF, big-endian', latin1('MM\0*'), 'tiff'],
  ['BigTIFF', latin1('II+\0'), 'tiff'],
  ['AVIF', ftyp('avif'), 'avif'],
  ['AVIF by a compatible brand', ftyp('mif1', 'miaf', 'avif'), 'avif'],
  ['HEIC', ftyp('heic', 'mif1'), null],
  ['AVIF named behind the box', Buffer.concat([ftyp('heic'), latin1('avif')]), null],
  ['SVG', latin1('<svg xmlns="http://www.w3.org/2000/svg"/>'), 'svg'],
  [
    'SVG with a prologue',
    latin1('\ufeff<?xml version="1.0"?>\n<!-- a > b -->\n<!DOCTYPE svg [<!ENTITY a "b">]>\n<svg>'),
    'svg',
  ],
  ['HTML', latin1('<!DOCTYPE html><html><svg>'), null],
  ['text', latin1('hello'), null],
  ['nothing', latin1(''), null],
];

for (const [what, bytes, format] of CASES) {
  test(`when the content is ${what}, then the format is ${format}`, () => {
    assert.equal(detectFormat(what === 'SVG with a prologue' ? bytes.subarray(1) : bytes), format);
  });
}

test('when the content is any bytes, then telling its format throws nothing', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      detectFormat(bytes);
      assert.ok(describeContent(bytes).length > 0);
    }),
  );
});

test('when the format is unknown, then the description helps to find out', () => {
  assert.equal(describeContent(latin1('')), 'the file is empty');
  assert.equal(describeContent(latin1('hello\n')), 'text that begins with "hello\\n"');
  assert.equal(describeContent(latin1('\x00\x01')), 'bytes that begin with 00 01');
  assert.equal(describeContent(ftyp('heic')), 'the brand "heic"');
});

test('when a long prologue never ends, then telling the format takes no time', () => {
  const started = performance.now();
  assert.equal(detectFormat(latin1('<?xml ?>'.repeat(10_000))), null);
  assert.equal(detectFormat(latin1(`<!DOCTYPE ${'<'.repeat(4000)}`)), null);
  assert.equal(detectFormat(latin1(`<!--${'-->'.repeat(2000)}`)), null);
  assert.equal(detectFormat(latin1(`<!DOCTYPE ${'[a]'.repeat(2000)}`)), null);
  assert.ok(performance.now() - started < 500);
});
