import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { ROOT } from './sluice-process.ts';

/**
 * Real photographs and models for the tests in `test/data`; they are not part of the project
 * (licences). `SLUICE_TEST_DATA` names another folder than `../shared/data`.
 */
export const DATA = resolve(process.env['SLUICE_TEST_DATA'] ?? join(ROOT, '..', 'shared', 'data'));

if (!existsSync(join(DATA, 'imagenet-150'))) {
  throw new Error(
    `the test data is not in ${DATA}: set SLUICE_TEST_DATA to the folder that holds imagenet-150/, ` +
      'odd/ and models/. npm test needs none of it; npm run test:data does.',
  );
}
