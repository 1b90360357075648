import assert from 'node:assert/strict';
import { test } from 'node:test';
import { orientPixels } from '../../../taskmanager/image/orient-pixels.ts';

/** Red is the number of the stored pixel:  0 1 2 / 3 4 5. */
const STORED = {
  data: Uint8Array.from([0, 1, 2, 3, 4, 5].flatMap((red) => [red, 100, 200])),
  width: 3,
  height: 2,
};

/** By the definition of EXIF: which edges of the picture the first row and column are. */
const UPRIGHT: Readonly<Record<number, readonly number[]>> = {
  1: [0, 1, 2, 3, 4, 5],
  2: [2, 1, 0, 5, 4, 3],
  3: [5, 4, 3, 2, 1, 0],
  4: [3, 4, 5, 0, 1, 2],
  5: [0, 3, 1, 4, 2, 5],
  6: [3, 0, 4, 1, 5, 2],
  7: [5, 2, 4, 1, 3, 0],
  8: [2, 5, 1, 4, 0, 3],
};

for (let orientation = 1; orientation <= 8; orientation += 1) {
  test(`when the orientation is ${orientation}, then the pixels are turned upright`, () => {
    const upright = orientPixels(STORED, orientation, 'RGB');
    const reds = [...upright].filter((_, index) => index % 3 === 0);
    assert.deepEqual(reds, UPRIGHT[orientation]);
    assert.deepEqual([...upright.slice(1, 3)], [100, 200]);
  });
}

test('when the order is BGR, then red and blue change places', () => {
  assert.deepEqual([...orientPixels(STORED, 1, 'BGR').slice(0, 6)], [200, 100, 0, 200, 100, 1]);
});

test('when the order is GREY, then the weights are those of Rec. 601 and grey stays itself', () => {
  const pixel = (red: number, green: number, blue: number): number | undefined =>
    orientPixels({ data: Uint8Array.of(red, green, blue), width: 1, height: 1 }, 1, 'GREY')[0];
  assert.deepEqual([pixel(255, 0, 0), pixel(0, 255, 0), pixel(0, 0, 255)], [76, 150, 29]);
  for (let value = 0; value < 256; value += 1) assert.equal(pixel(value, value, value), value);
});

test('when pixels come from a larger buffer, then the result can be transferred', () => {
  const large = new Uint8Array(100);
  const result = orientPixels({ data: large.subarray(10, 13), width: 1, height: 1 }, 1, 'RGB');
  assert.equal(result.buffer.byteLength, 3);
  structuredClone(result, { transfer: [result.buffer] });
});
