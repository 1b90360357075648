import { S3FileSystem } from '../../../shared/filesystem/s3-filesystem.ts';
import { systemClock } from '../../../shared/time/system-clock.ts';
import { describeFileSystemContract } from '../../support/filesystem-contract.ts';
import { S3Server } from '../../support/s3/s3-server.ts';

describeFileSystemContract('S3, in-process server', async () => {
  const server = await S3Server.start({ buckets: ['bucket'] });
  const options = {
    endpoint: server.endpoint,
    accessKeyId: 'test',
    secretAccessKey: 'test-secret',
  };
  let folders = 0;
  return {
    open: () => new S3FileSystem(options, { clock: systemClock, random: Math.random }),
    newFolder: () => `s3://bucket/folder-${folders++}`,
    plainKeys: true,
    close: () => server.close(),
  };
});
