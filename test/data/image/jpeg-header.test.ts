import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readJpegHeader } from '../../../taskmanager/image/jpeg-header.ts';
import { sharp } from '../../../taskmanager/image/sharp-runtime.ts';
import { DATA } from '../../support/test-data.ts';

test("when JPEG headers are read by hand, then they agree with the library's on every photograph", async () => {
  for (const folder of ['imagenet-150', 'odd']) {
    for (const file of readdirSync(join(DATA, folder))) {
      if (!/\.jpe?g$/i.test(file)) continue;
      const bytes = readFileSync(join(DATA, folder, file));
      const metadata = await sharp(bytes)
        .metadata()
        .catch(() => null);
      const header = readJpegHeader(bytes);
      if (metadata === null) {
        assert.equal(header, null, file);
        continue;
      }
      assert.ok(header !== null, file);
      assert.deepEqual(
        [
          header.width,
          header.height,
          header.orientation,
          header.progressive,
          header.colorProfile !== 'none',
        ],
        [
          metadata.width,
          metadata.height,
          metadata.orientation ?? 1,
          metadata.isProgressive ?? false,
          metadata.icc !== undefined,
        ],
        file,
      );
    }
  }
});
