import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What says when a test ends, or with `after` of `node:test` a whole file of them. */
interface Ending {
  after(end: () => void): void;
}

/** A folder of the test's own, removed when the test ends. */
export function temporaryFolder(context: Ending): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-test-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
