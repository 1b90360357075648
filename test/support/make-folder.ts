import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

/** A folder of a whole test file, removed at its end. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-test-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
