import { test } from 'node:test';
import { LocalFileSystem } from '../../../shared/filesystem/local-filesystem.ts';
import { S3FileSystem } from '../../../shared/filesystem/s3-filesystem.ts';
import { systemClock } from '../../../shared/time/system-clock.ts';
import { jobStoreContract } from '../../support/job-store-contract.ts';
import { S3Server } from '../../support/s3/s3-server.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const KEYS = { accessKeyId: 'AKIATEST', secretAccessKey: 'very-secret-key' };

jobStoreContract(test, 'file://', async (context) => ({
  storage: `file://${temporaryFolder(context)}`,
  fileSystem: () => new LocalFileSystem({ clock: systemClock }),
}));

for (const faults of [false, true]) {
  jobStoreContract(test, faults ? 's3:// with faults' : 's3://', async (context) => {
    const server = await S3Server.start({
      buckets: ['bucket'],
      ...(faults
        ? {
            faults: [
              { kind: 'lost-response' as const, rate: 0.15 },
              { kind: 'slow-down' as const, rate: 0.1 },
            ],
          }
        : {}),
    });
    const opened: S3FileSystem[] = [];
    context.after(async () => {
      await Promise.all(opened.map((fileSystem) => fileSystem.close()));
      await server.close();
    });
    return {
      storage: 's3://bucket/sluice',
      fileSystem: () => {
        const dependencies = { clock: systemClock, random: () => 0 };
        const options = { endpoint: server.endpoint, ...KEYS, patienceMs: 20_000 };
        const fileSystem = new S3FileSystem(options, dependencies);
        opened.push(fileSystem);
        return fileSystem;
      },
    };
  });
}
