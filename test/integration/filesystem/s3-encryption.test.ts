import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { S3Options } from '../../../shared/filesystem/filesystem-options.ts';
import { S3FileSystem } from '../../../shared/filesystem/s3-filesystem.ts';
import { systemClock } from '../../../shared/time/system-clock.ts';
import { assertCode, pattern } from '../../support/filesystem-helpers.ts';
import { S3Server } from '../../support/s3/s3-server.ts';

const KEYS = { accessKeyId: 'test', secretAccessKey: 'test-secret' };
const HEADER = 'x-amz-server-side-encryption';
const KEY_HEADER = `${HEADER}-aws-kms-key-id`;
/** Larger than one part. */
const LARGE = 9 * 1024 * 1024;

/** One object by each way there is to write one. */
async function writeAll(server: S3Server, options: S3Options): Promise<void> {
  const fileSystem = new S3FileSystem(
    { endpoint: server.endpoint, ...KEYS, ...options },
    { clock: systemClock, random: Math.random },
  );
  try {
    await fileSystem.put('s3://bucket/put', pattern(10));
    await fileSystem.put('s3://bucket/put-once', pattern(10), { ifAbsent: true });
    const held = await fileSystem.openWriter('s3://bucket/held', { heldBytesMax: 1024 });
    await held.write(pattern(10));
    await fileSystem.commit(await held.closeForCommit());
    const upload = await fileSystem.openWriter('s3://bucket/upload');
    await upload.write(pattern(LARGE));
    await fileSystem.commit(await upload.closeForCommit());
  } finally {
    await fileSystem.close();
  }
}

const NAMES = ['put', 'put-once', 'held', 'upload'];

function headersOf(server: S3Server, header: string): readonly (string | undefined)[] {
  return NAMES.map((name) => server.bucket('bucket').get(name).headers.get(header));
}

test('when encryption is asked for, then every way to write an object asks the server for it', async () => {
  await using server = await S3Server.start({ buckets: ['bucket'] });
  await writeAll(server, { encryption: 'AES256' });
  assert.deepEqual(
    headersOf(server, HEADER),
    NAMES.map(() => 'AES256'),
  );
  assert.deepEqual(
    headersOf(server, KEY_HEADER),
    NAMES.map(() => undefined),
  );
});

test('when a key of KMS is named, then it goes with the request', async () => {
  await using server = await S3Server.start({ buckets: ['bucket'] });
  await writeAll(server, { encryption: 'aws:kms', kmsKeyId: 'alias/sluice' });
  assert.deepEqual(
    headersOf(server, HEADER),
    NAMES.map(() => 'aws:kms'),
  );
  assert.deepEqual(
    headersOf(server, KEY_HEADER),
    NAMES.map(() => 'alias/sluice'),
  );
});

test('when nothing is asked for, or nothing by name, then the bucket decides', async () => {
  await using server = await S3Server.start({ buckets: ['bucket'] });
  for (const options of [{}, { encryption: 'none' }] as const) {
    await writeAll(server, options);
    assert.deepEqual(
      headersOf(server, HEADER),
      NAMES.map(() => undefined),
    );
    for (const name of NAMES) server.bucket('bucket').delete(name);
  }
});

test('when a key of KMS is named without KMS, then the options are wrong', async () => {
  const dependencies = { clock: systemClock, random: Math.random };
  assert.throws(
    () => new S3FileSystem({ kmsKeyId: 'x', encryption: 'AES256' }, dependencies),
    (error: unknown) => assertCode('ARGUMENT_INVALID', error) !== null,
  );
});
