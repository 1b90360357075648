import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SluiceError } from '../../../shared/errors/sluice-error.ts';
import { decodeImageTensor, makeThumbnail } from '../../../taskmanager/image/decode-image.ts';
import { asIs, LIMITS, preprocessing } from '../../support/image-options.ts';
import { oddFiles, readOdd } from './odd-data.ts';

const THUMBNAIL = { width: 96, height: 96, fit: 'cover', format: 'jpeg', quality: 80 } as const;

test('when the list of odd files is read, then it has all 68 of them', () => {
  assert.equal(oddFiles().length, 68);
});

for (const { file, expected } of oddFiles()) {
  test(`when the file is ${file}, then the outcome is ${expected}`, async () => {
    const bytes = readOdd(file);
    const decode = () => decodeImageTensor(bytes, preprocessing(), LIMITS);
    const thumbnail = () => makeThumbnail(bytes, THUMBNAIL, LIMITS);
    if (expected === 'decode') {
      const { tensor, width, height } = await decode();
      assert.equal(tensor.data.length, 224 * 224 * 3);
      assert.ok(width > 0 && height > 0);
      assert.ok((await thumbnail()).length > 0);
      return;
    }
    for (const work of [decode, thumbnail]) {
      await assert.rejects(work(), (error: SluiceError) => {
        assert.ok(['IMAGE_FORMAT', 'IMAGE_CORRUPT', 'IMAGE_TOO_LARGE'].includes(error.code));
        assert.equal(error.domain, 'user');
        assert.ok(error.message.length > 20, error.message);
        return true;
      });
    }
  });
}

test('when the odd files are decoded 8 at a time, then memory stays under 600 MB', async () => {
  const files = [...oddFiles(), ...oddFiles()];
  let memoryMax = 0;
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let next = files.pop(); next !== undefined; next = files.pop()) {
        await decodeImageTensor(readOdd(next.file), preprocessing(), LIMITS).catch(() => null);
        memoryMax = Math.max(memoryMax, process.memoryUsage().rss);
      }
    }),
  );
  assert.ok(memoryMax < 600e6, `${Math.round(memoryMax / 1e6)} MB`);
});

test('when a BMP of the suite is in another encoding, then the picture is the same', async () => {
  const decode = async (name: string): Promise<Uint8Array> =>
    (await decodeImageTensor(readOdd(`bmpsuite-${name}.bmp`), asIs(127, 64), LIMITS)).tensor.data;
  const differenceMax = (one: Uint8Array, other: Uint8Array): number =>
    one.reduce((most, value, index) => Math.max(most, Math.abs(value - (other[index] ?? 999))), 0);
  const pal8 = await decode('good-pal8');
  assert.equal(differenceMax(await decode('good-pal8rle'), pal8), 0);
  assert.equal(differenceMax(await decode('questionable-pal8offs'), pal8), 0);
  const rgb24 = await decode('good-rgb24');
  assert.equal(differenceMax(await decode('good-rgb32'), rgb24), 0);
  assert.ok(differenceMax(await decode('good-rgb16-565'), rgb24) <= 8);
  assert.equal(differenceMax(await decode('bad-badfilesize'), await decode('good-pal1')), 0);
});
