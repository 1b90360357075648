import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { mustRun } from '../support/run-command.ts';
import { ROOT } from '../support/sluice-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const FOLDER = join(ROOT, 'packaging/systemd');
const units = readdirSync(FOLDER);

test('when systemd reads the units, then it finds no mistake', async (context) => {
  const folder = temporaryFolder(context);
  assert.deepEqual(units, ['sluice-jobmanager.service', 'sluice-taskmanager.service']);
  for (const unit of units) {
    const text = readFileSync(join(FOLDER, unit), 'utf8');
    const file = join(folder, unit);
    // The check wants a program that is there.
    writeFileSync(file, text.replace('/opt/sluice/current/bin/sluice', '/bin/true'));
    await mustRun('systemd-analyze', ['verify', '--man=no', file]);
  }
});

test('when systemd rates how exposed the services are, then at most 2 of 10', async () => {
  for (const unit of units) {
    await mustRun('systemd-analyze', [
      ...['security', '--offline=true', '--threshold=20', '--no-pager'],
      join(FOLDER, unit),
    ]);
  }
});
