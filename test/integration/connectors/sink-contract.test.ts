import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filesSinkKind } from '../../support/files-sink-storage.ts';
import { S3Server } from '../../support/s3/s3-server.ts';
import { describeSinkContract } from '../../support/sink-contract.ts';

describeSinkContract('files, on a disk,', async () => {
  const root = mkdtempSync(join(tmpdir(), 'sluice-sink-contract-'));
  let folders = 0;
  return filesSinkKind({
    sink: 'files',
    newFolder: () => {
      folders += 1;
      return `file://${root}/folder-${folders}`;
    },
    close: () => rm(root, { recursive: true, force: true }),
  });
});

for (const [size, rows] of [
  ['large', { padding: 'x'.repeat(100_000) }],
  ['small', { isHeld: true }],
] as const) {
  describeSinkContract(`${size} files, in S3,`, async () => {
    const server = await S3Server.start({ buckets: ['bucket'] });
    let folders = 0;
    return filesSinkKind({
      sink: 'files',
      rows,
      newFolder: () => {
        folders += 1;
        return `s3://bucket/folder-${folders}`;
      },
      fileSystemOptions: {
        s3: { endpoint: server.endpoint, accessKeyId: 'test', secretAccessKey: 'test-secret' },
      },
      close: () => server.close(),
    });
  });
}
