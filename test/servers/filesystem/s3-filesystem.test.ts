import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { S3Options } from '../../../shared/filesystem/filesystem-options.ts';
import { S3FileSystem } from '../../../shared/filesystem/s3-filesystem.ts';
import { systemClock } from '../../../shared/time/system-clock.ts';
import { describeFileSystemContract } from '../../support/filesystem-contract.ts';
import { rejectsWith } from '../../support/filesystem-helpers.ts';
import { RealS3Server } from '../../support/s3/real-server.ts';

describeFileSystemContract('S3, real server', async () => {
  const server = await RealS3Server.start({ buckets: ['bucket'] });
  const { endpoint, accessKeyId, secretAccessKey } = server;
  let folders = 0;
  return {
    open: () =>
      new S3FileSystem(
        { endpoint, accessKeyId, secretAccessKey },
        { clock: systemClock, random: Math.random },
      ),
    newFolder: () => `s3://bucket/folder-${folders++}`,
    plainKeys: false,
    close: () => server.close(),
  };
});

describe('S3 file system, what it says about a real server', () => {
  let server: RealS3Server;
  before(async () => {
    server = await RealS3Server.start({ buckets: ['bucket'] });
  });
  after(() => server.close());

  const open = (options: S3Options = {}): S3FileSystem => {
    const { endpoint, accessKeyId, secretAccessKey } = server;
    return new S3FileSystem(
      { endpoint, accessKeyId, secretAccessKey, ...options },
      { clock: systemClock, random: Math.random },
    );
  };

  it('when there is no such bucket, then the message names it', async () => {
    for (const call of [
      (fileSystem: S3FileSystem) => fileSystem.list('s3://no-such/'),
      (fileSystem: S3FileSystem) => fileSystem.read('s3://no-such/x'),
      (fileSystem: S3FileSystem) => fileSystem.put('s3://no-such/x', new Uint8Array(1)),
      (fileSystem: S3FileSystem) => fileSystem.openWriter('s3://no-such/x'),
    ]) {
      const fileSystem = open();
      const error = await rejectsWith('STORAGE_NOT_FOUND', call(fileSystem));
      assert.match(error.message, /no bucket "no-such"/);
      await fileSystem.close();
    }
  });

  it('when the key or the secret is wrong, then STORAGE_CREDENTIALS', async () => {
    for (const wrong of [{ accessKeyId: 'WRONG' }, { secretAccessKey: 'wrong' }]) {
      const fileSystem = open(wrong);
      const error = await rejectsWith('STORAGE_CREDENTIALS', fileSystem.list('s3://bucket/'));
      assert.match(error.message, /refuses the credentials/);
      await fileSystem.close();
    }
  });
});
