import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SluiceError } from '../../../shared/errors/sluice-error.ts';
import { decodeImageTensor, makeThumbnail } from '../../../taskmanager/image/decode-image.ts';
import { sharp } from '../../../taskmanager/image/sharp-runtime.ts';
import { asIs, LIMITS, pixelAt, preprocessing } from '../../support/image-options.ts';

interface Create {
  readonly width?: number;
  readonly height?: number;
  readonly color?: { r: number; g: number; b: number; alpha?: number };
}

function plain(options: Create = {}) {
  const { width = 32, height = 32, color = { r: 200, g: 100, b: 50 } } = options;
  const channels = color.alpha === undefined ? 3 : 4;
  return sharp({ create: { width, height, channels, background: color } });
}

test('when the colour order is RGB, BGR or GREY, then the channels are in that order', async () => {
  const bytes = await plain().png().toBuffer();
  const decode = async (color: 'RGB' | 'BGR' | 'GREY') => {
    const options = preprocessing({ color, resize: 16, cropHeight: 8, cropWidth: 8 });
    return (await decodeImageTensor(bytes, options, LIMITS)).tensor;
  };
  assert.deepEqual([...(await decode('RGB')).data.slice(0, 3)], [200, 100, 50]);
  assert.deepEqual([...(await decode('BGR')).data.slice(0, 3)], [50, 100, 200]);
  const grey = await decode('GREY');
  assert.equal(grey.channels, 1);
  assert.equal(grey.data.length, 64);
  assert.equal(grey.data[0], 124);
});

test('when an image has alpha, 16 bits, one channel or a palette, then it becomes 8-bit RGB', async () => {
  const transparent = { r: 0, g: 0, b: 0, alpha: 0 };
  const half = { r: 200, g: 0, b: 0, alpha: 0.5 };
  const cases: [string, Uint8Array, number[]][] = [
    ['transparent', await plain({ color: transparent }).png().toBuffer(), [255, 255, 255]],
    [
      'half transparent',
      await plain({ color: half }).webp({ lossless: true }).toBuffer(),
      [228, 128, 128],
    ],
    ['16 bits', await plain().toColourspace('rgb16').png().toBuffer(), [200, 100, 50]],
    [
      'grey',
      await plain({ color: { r: 90, g: 90, b: 90 } })
        .toColourspace('b-w')
        .png()
        .toBuffer(),
      [90, 90, 90],
    ],
    ['a palette', await plain().png({ palette: true }).toBuffer(), [200, 100, 50]],
    ['TIFF', await plain().tiff({ compression: 'deflate' }).toBuffer(), [200, 100, 50]],
    ['AVIF', await plain().avif({ lossless: true }).toBuffer(), [200, 100, 50]],
    ['GIF', await plain().gif().toBuffer(), [200, 100, 50]],
  ];
  for (const [what, bytes, wanted] of cases) {
    const { tensor } = await decodeImageTensor(bytes, asIs(32, 32), LIMITS);
    pixelAt(tensor, 5, 5).forEach((value, channel) => {
      assert.ok(Math.abs(value - wanted[channel]!) <= 3, `${what}: ${pixelAt(tensor, 5, 5)}`);
    });
  }
});

test('when an image is animated, then the first frame is taken', async () => {
  const frames = [
    { r: 250, g: 0, b: 0 },
    { r: 0, g: 0, b: 250 },
  ];
  const pixels = frames.flatMap(({ r, g, b }) =>
    Array.from({ length: 400 }, () => [r, g, b]).flat(),
  );
  const raw = { width: 20, height: 40, channels: 3, pageHeight: 20 } as const;
  for (const format of ['gif', 'webp'] as const) {
    const bytes = await sharp(Uint8Array.from(pixels), { raw }).toFormat(format).toBuffer();
    assert.equal((await sharp(bytes).metadata()).pages, 2);
    const { tensor, height } = await decodeImageTensor(bytes, asIs(20, 20), LIMITS);
    assert.equal(height, 20);
    assert.ok(pixelAt(tensor, 10, 10)[0]! > 240, `${format}: ${pixelAt(tensor, 10, 10)}`);
  }
});

test('when an image has too many pixels, then it is rejected before it is decoded', async () => {
  const limits = { ...LIMITS, pixelsMax: 1000 };
  const formats = ['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif'] as const;
  for (const format of formats) {
    const bytes = await plain({ width: 50, height: 21 }).toFormat(format).toBuffer();
    await assert.rejects(decodeImageTensor(bytes, asIs(8, 8), limits), (error: SluiceError) => {
      assert.equal(error.code, 'IMAGE_TOO_LARGE');
      assert.match(error.message, /50 × 21 pixels .*the limit is 1000 pixels/);
      assert.match(error.hint ?? '', /pixelsMax/);
      return true;
    });
    await assert.doesNotReject(
      decodeImageTensor(bytes, asIs(8, 8), { ...limits, pixelsMax: 1050 }),
    );
  }
});

test('when a header claims 65 000 × 65 000 pixels, then nothing is allocated for them', async () => {
  const bytes = await plain().jpeg().toBuffer();
  const sof = bytes.indexOf(Buffer.from([0xff, 0xc0]));
  bytes.writeUInt16BE(65_000, sof + 5);
  bytes.writeUInt16BE(65_000, sof + 7);
  const before = process.memoryUsage().rss;
  await assert.rejects(decodeImageTensor(bytes, preprocessing(), LIMITS), {
    code: 'IMAGE_TOO_LARGE',
  });
  assert.ok(process.memoryUsage().rss - before < 50e6);
});

test('when a header claims more rows than there are, then the image is rejected', async () => {
  const bytes = await plain({ width: 64, height: 64 }).jpeg().toBuffer();
  const sof = bytes.indexOf(Buffer.from([0xff, 0xc0]));
  bytes.writeUInt16BE(2000, sof + 5);
  await assert.rejects(decodeImageTensor(bytes, preprocessing(), { ...LIMITS, pixelsMax: 1000 }), {
    code: 'IMAGE_TOO_LARGE',
  });
});

test('when a file is too long, then the message says how long it is', async () => {
  const bytes = await plain().png().toBuffer();
  await assert.rejects(
    decodeImageTensor(bytes, preprocessing(), { ...LIMITS, bytesMax: bytes.length - 1 }),
    {
      code: 'IMAGE_TOO_LARGE',
      message: `the file has ${bytes.length} bytes; the limit is ${bytes.length - 1} bytes`,
    },
  );
});

for (const [what, text] of [
  ['empty', ''],
  ['text', 'not an image at all'],
  ['HTML', '<!DOCTYPE html><html></html>'],
] as const) {
  test(`when the file is ${what}, then its format is refused`, async () => {
    await assert.rejects(decodeImageTensor(Buffer.from(text), preprocessing(), LIMITS), {
      code: 'IMAGE_FORMAT',
    });
  });
}

test('when a file is SVG, then it is refused unless it is named', async () => {
  const svg = Buffer.from(
    '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40">' +
      '<rect width="40" height="40" fill="#00ff00"/></svg>',
  );
  await assert.rejects(decodeImageTensor(svg, asIs(40, 40), LIMITS), {
    code: 'IMAGE_FORMAT',
    message: /the content is SVG/,
  });
  const limits = { ...LIMITS, formats: ['svg' as const] };
  const { tensor, format } = await decodeImageTensor(svg, asIs(40, 40), limits);
  assert.equal(format, 'svg');
  assert.deepEqual(pixelAt(tensor, 20, 20), [0, 255, 0]);
});

test('when a file is cut at any place, then it is rejected, even in the last rows', async () => {
  // Not PNG's end chunk: all pixels are there without it.
  const noise = Uint8Array.from({ length: 200 * 300 * 3 }, (_, index) => (index * 7919) % 251);
  const raw = { width: 200, height: 300, channels: 3 } as const;
  for (const format of ['jpeg', 'png', 'webp', 'tiff'] as const) {
    const bytes = await sharp(noise, { raw }).toFormat(format).toBuffer();
    for (const part of [0.1, 0.5, 0.9, 0.97]) {
      const cut = bytes.subarray(0, Math.floor(bytes.length * part));
      await assert.rejects(
        decodeImageTensor(cut, preprocessing(), LIMITS),
        { code: 'IMAGE_CORRUPT' },
        `${format} cut at ${part}`,
      );
    }
  }
});

test('when an image is very long and thin, then enlarging it stays cheap', async () => {
  for (const [width, height] of [
    [1, 50_000],
    [50_000, 1],
    [3, 20_000],
  ] as const) {
    const bytes = await plain({ width, height }).png().toBuffer();
    const { tensor } = await decodeImageTensor(bytes, preprocessing(), LIMITS);
    assert.deepEqual(pixelAt(tensor, 100, 100), [200, 100, 50]);
    const request = { width: 64, height: 64, fit: 'cover', format: 'jpeg', quality: 80 } as const;
    assert.ok((await makeThumbnail(bytes, request, LIMITS)).length > 0);
  }
});

test('when thumbnails are asked for, then size, fit and format are as asked', async () => {
  const bytes = await plain({ width: 200, height: 100 }).jpeg().toBuffer();
  const sizeOf = async (
    fit: 'cover' | 'contain' | 'inside',
    format: 'jpeg' | 'png' | 'webp' | 'avif',
  ) => {
    const request = { width: 80, height: 80, fit, format, quality: 80 };
    const made = await sharp(await makeThumbnail(bytes, request, LIMITS)).metadata();
    return [made.format, made.width, made.height];
  };
  assert.deepEqual(await sizeOf('cover', 'jpeg'), ['jpeg', 80, 80]);
  assert.deepEqual(await sizeOf('contain', 'png'), ['png', 80, 80]);
  assert.deepEqual(await sizeOf('inside', 'webp'), ['webp', 80, 40]);
  assert.deepEqual(await sizeOf('inside', 'avif'), ['heif', 80, 40]);
  const twice = { width: 80, height: 80, fit: 'cover', format: 'jpeg', quality: 80 } as const;
  assert.deepEqual(
    await makeThumbnail(bytes, twice, LIMITS),
    await makeThumbnail(bytes, twice, LIMITS),
  );
});
