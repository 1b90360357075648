import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeImageTensor, makeThumbnail } from '../../../taskmanager/image/decode-image.ts';
import { sharp } from '../../../taskmanager/image/sharp-runtime.ts';
import { LIMITS, pixelAt, preprocessing } from '../../support/image-options.ts';

type Corner = 'top-left' | 'top-right' | 'bottom-left' | 'bottom-right';

const COLORS: Readonly<Record<Corner, readonly [number, number, number]>> = {
  'top-left': [220, 30, 30],
  'top-right': [30, 200, 30],
  'bottom-left': [30, 30, 220],
  'bottom-right': [230, 230, 40],
};

/** The definition in EXIF: which edge of the picture the first stored row is, and the first column. */
const EDGES = [
  ['top', 'left'],
  ['top', 'right'],
  ['bottom', 'right'],
  ['bottom', 'left'],
  ['left', 'top'],
  ['right', 'top'],
  ['right', 'bottom'],
  ['left', 'bottom'],
] as const;

const OPPOSITE = { top: 'bottom', bottom: 'top', left: 'right', right: 'left' } as const;

/** Four quadrants that look right once the orientation is applied; 320 × 240 as stored. */
async function photograph(orientation: number, format: 'jpeg' | 'png' | 'webp' | 'tiff') {
  const [firstRow, firstColumn] = EDGES[orientation - 1]!;
  const width = 320;
  const height = 240;
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const row = y < height / 2 ? firstRow : OPPOSITE[firstRow];
      const column = x < width / 2 ? firstColumn : OPPOSITE[firstColumn];
      const vertical = row === 'top' || row === 'bottom' ? row : column;
      const horizontal = vertical === row ? column : row;
      data.set(COLORS[`${vertical}-${horizontal}` as Corner], (y * width + x) * 3);
    }
  }
  return sharp(data, { raw: { width, height, channels: 3 } })
    .withMetadata({ orientation })
    .toFormat(format, { quality: 95 })
    .toBuffer();
}

function assertUpright(image: { data: Uint8Array; width: number; height: number }): void {
  const x = { left: image.width * 0.25, right: image.width * 0.75 };
  const y = { top: image.height * 0.25, bottom: image.height * 0.75 };
  for (const corner of Object.keys(COLORS) as Corner[]) {
    const [vertical, horizontal] = corner.split('-') as ['top' | 'bottom', 'left' | 'right'];
    const pixel = pixelAt(image, Math.floor(x[horizontal]), Math.floor(y[vertical]));
    pixel.forEach((value, channel) => {
      const wanted = COLORS[corner][channel]!;
      assert.ok(Math.abs(value - wanted) <= 12, `${corner}: ${pixel} instead of ${COLORS[corner]}`);
    });
  }
}

for (const format of ['jpeg', 'png', 'webp', 'tiff'] as const) {
  for (let orientation = 1; orientation <= 8; orientation += 1) {
    test(`when a ${format} has orientation ${orientation}, then it is turned upright`, async () => {
      const bytes = await photograph(orientation, format);
      const options = preprocessing({ resize: 120, cropWidth: 116, cropHeight: 100 });
      const { tensor, width, height } = await decodeImageTensor(bytes, options, LIMITS);
      assert.deepEqual([width, height], orientation >= 5 ? [240, 320] : [320, 240]);
      assert.deepEqual([tensor.width, tensor.height], [116, 100]);
      assertUpright(tensor);

      const thumbnail = await makeThumbnail(
        bytes,
        { width: 64, height: 64, fit: 'inside', format: 'png', quality: 80 },
        LIMITS,
      );
      const { data, info } = await sharp(thumbnail).raw().toBuffer({ resolveWithObject: true });
      assert.deepEqual([info.width, info.height], orientation >= 5 ? [48, 64] : [64, 48]);
      assertUpright({ data, width: info.width, height: info.height });
    });
  }
}

test('when a photograph is turned, then the pixels are those of turning it before resizing', async () => {
  const width = 300;
  const height = 200;
  const data = Uint8Array.from({ length: width * height * 3 }, (_, index) => {
    const x = Math.floor(index / 3) % width;
    const y = Math.floor(index / 3 / width);
    return index % 3 === 0 ? (x * 255) / width : index % 3 === 1 ? (y * 255) / height : 128;
  });
  for (let orientation = 1; orientation <= 8; orientation += 1) {
    const stored = await sharp(data, { raw: { width, height, channels: 3 } })
      .withMetadata({ orientation })
      .png()
      .toBuffer();
    const upright = await sharp(stored).autoOrient().png().toBuffer();
    const options = preprocessing({ resize: 101, cropWidth: 64, cropHeight: 80 });
    const [turned, plain] = await Promise.all(
      [stored, upright].map((bytes) => decodeImageTensor(bytes, options, LIMITS)),
    );
    const differences = turned!.tensor.data.map((value, index) =>
      Math.abs(value - plain!.tensor.data[index]!),
    );
    assert.ok(Math.max(...differences) <= 2, `${orientation}: ${Math.max(...differences)}`);
  }
});
