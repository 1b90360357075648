import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cropGeometry } from '../../../taskmanager/image/crop-geometry.ts';

const REQUEST = { resize: 256, cropWidth: 224, cropHeight: 224 };

test('when the image is landscape, then the height is the shorter side and the centre is cropped', () => {
  assert.deepEqual(cropGeometry({ width: 500, height: 375 }, 1, REQUEST), {
    before: null,
    resized: { width: 341, height: 256 },
    crop: { left: 58, top: 16, width: 224, height: 224 },
  });
});

test('when the image is mirrored, then the odd pixel stays on the same side of the upright image', () => {
  const { crop } = cropGeometry({ width: 500, height: 375 }, 2, REQUEST);
  assert.deepEqual(crop, { left: 59, top: 16, width: 224, height: 224 });
});

test('when the image lies on its side, then the crop does too', () => {
  const request = { resize: 100, cropWidth: 90, cropHeight: 50 };
  const { resized, crop } = cropGeometry({ width: 400, height: 200 }, 6, request);
  assert.deepEqual(resized, { width: 200, height: 100 });
  assert.deepEqual([crop.width, crop.height], [50, 90]);
});

test('when the image is smaller than the crop, then it is enlarged until it covers it', () => {
  const noResize = { resize: null, cropWidth: 224, cropHeight: 112 };
  assert.deepEqual(cropGeometry({ width: 56, height: 56 }, 1, noResize).resized, {
    width: 224,
    height: 224,
  });
  const small = { resize: 100, cropWidth: 224, cropHeight: 224 };
  assert.deepEqual(cropGeometry({ width: 400, height: 200 }, 1, small).resized, {
    width: 448,
    height: 224,
  });
});

test('when nothing is to be resized, then the size stays', () => {
  const request = { resize: null, cropWidth: 28, cropHeight: 28 };
  assert.deepEqual(cropGeometry({ width: 28, height: 28 }, 1, request), {
    before: null,
    resized: { width: 28, height: 28 },
    crop: { left: 0, top: 0, width: 28, height: 28 },
  });
});

test('when images have any size, then the crop lies inside and the work is bounded', () => {
  const side = fc.integer({ min: 1, max: 100_000 });
  const target = fc.integer({ min: 1, max: 1024 });
  const resize = fc.option(target);
  fc.assert(
    fc.property(side, side, fc.integer({ min: 1, max: 8 }), resize, target, target, (...all) => {
      const [width, height, orientation, shorter, cropWidth, cropHeight] = all;
      const request = { resize: shorter, cropWidth, cropHeight };
      const { before, resized, crop } = cropGeometry({ width, height }, orientation, request);
      assert.ok(crop.left >= 0 && crop.left + crop.width <= resized.width);
      assert.ok(crop.top >= 0 && crop.top + crop.height <= resized.height);
      const swapped = orientation >= 5;
      assert.equal(crop.width, swapped ? cropHeight : cropWidth);
      assert.equal(crop.height, swapped ? cropWidth : cropHeight);
      if (before !== null) {
        assert.ok(before.left >= 0 && before.left + before.width <= width);
        assert.ok(before.top >= 0 && before.top + before.height <= height);
      }
      const enlarged = resized.width * resized.height;
      const longest = Math.max(cropWidth, cropHeight, shorter ?? 0);
      assert.ok(enlarged <= Math.max(width * height, 64 * (longest + 5) ** 2), `${enlarged}`);
    }),
    { numRuns: 2000 },
  );
});
