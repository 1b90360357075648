import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { eventually } from '../../support/eventually.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-killed-'));
after(() => rm(folder, { recursive: true, force: true }));

test('when a writing process is killed, then only whole, committed part files are visible', async () => {
  const script = join(import.meta.dirname, 'writing-process.ts');
  const child = spawn(process.execPath, [script, folder], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  try {
    const visible = (): string[] => readdirSync(folder).filter((name) => !name.startsWith('.'));
    const hidden = (): string[] => readdirSync(folder).filter((name) => name.startsWith('.'));
    await eventually(() => visible().length >= 2 && hidden().length > 0, { timeoutMs: 30_000 });
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    for (const name of visible()) {
      const text = readFileSync(join(folder, name), 'utf8');
      assert.ok(text.endsWith('\n'));
      assert.ok(text.length >= 2_000_000, `${name} has ${text.length} bytes`);
      for (const line of text.split('\n').slice(0, -1)) JSON.parse(line);
    }
  } finally {
    child.kill('SIGKILL');
  }
});
