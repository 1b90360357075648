/** The command line finds the job manager that leads by the storage. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startJobManager } from '../../jobmanager/main.ts';
import { silentLogger } from '../../shared/observability/logger.ts';
import { encodeLease } from '../../shared/rpc/leader-lease.ts';
import { sluice } from '../support/sluice-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

test('when a storage is named, then the command asks the job manager that its lease names', async (t) => {
  const storage = temporaryFolder(t);
  const jobManager = await startJobManager({
    rpcPort: 0,
    restPort: 0,
    shutdownTimeoutMs: 500,
    fileSystemOptions: {},
    logger: silentLogger,
  });
  t.after(() => jobManager.stop());
  writeFileSync(
    join(storage, 'leader'),
    encodeLease({
      epoch: 3,
      leaderId: 'a',
      rpcAddress: jobManager.rpcAddress,
      restAddress: jobManager.restAddress,
      hostName: 'here',
      ttlMs: 3_000,
      renewals: 7,
      renewedAt: '2026-01-02T03:04:05.000Z',
      released: false,
    }),
  );
  const { code, stdout, stderr } = await sluice(['jobs', '--job-manager', `file://${storage}`]);
  assert.deepEqual([code, stdout, stderr], [0, 'no jobs\n', '']);
});
