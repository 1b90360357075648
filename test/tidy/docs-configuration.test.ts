import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { JOB_MANAGER_DEFAULTS } from '../../shared/config/job-manager-options.ts';
import { TASK_MANAGER_DEFAULTS } from '../../shared/config/task-manager-options.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(join(root, 'docs/configuration.md'), 'utf8');

/** The first cells of the tables below a heading, up to the next one. */
function namesBelow(heading: string): string[] {
  const section = page.split(/^## /m).find((part) => part.startsWith(`${heading}\n`));
  assert.ok(section !== undefined, `there is a heading "${heading}"`);
  return [...section.matchAll(/^\| `([^`]+)` +\|/gm)].map((match) => match[1] ?? '');
}

test('when a job manager has an option, then docs/configuration.md lists it, and none else', () => {
  assert.deepEqual(
    namesBelow('Job manager').toSorted(),
    Object.keys(JOB_MANAGER_DEFAULTS).toSorted(),
  );
});

test('when a task manager has an option, then docs/configuration.md lists it, and none else', () => {
  assert.deepEqual(
    namesBelow('Task manager').toSorted(),
    Object.keys(TASK_MANAGER_DEFAULTS).toSorted(),
  );
});

test('when the code reads an environment variable, then docs/configuration.md explains it', () => {
  const files = execFileSync('git', ['ls-files', 'cli', 'shared', 'jobmanager', 'taskmanager'], {
    cwd: root,
    encoding: 'utf8',
  });
  const used = new Set<string>();
  for (const file of files.split('\n').filter((name) => name.endsWith('.ts'))) {
    const text = tryRead(file);
    const reads = /(?:env(?:ironment)?\.|env(?:ironment)?\['|\.env\(')([A-Z][A-Z0-9_]+)/g;
    for (const match of text.matchAll(reads)) used.add(match[1] ?? '');
  }
  const documented = new Set(namesBelow('Environment variables'));
  const missing = [...used].filter((name) => !documented.has(name));
  assert.ok(used.has('UV_THREADPOOL_SIZE'), 'the search finds what there is');
  assert.deepEqual(missing, []);
});

function tryRead(file: string): string {
  try {
    return readFileSync(join(root, file), 'utf8');
  } catch {
    return ''; // deleted, not yet committed
  }
}
