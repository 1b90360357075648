import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ConfigOption } from '../../cli/config/config-option.ts';
import { createProgram } from '../../cli/program.ts';
import { CONFIG_KEYS } from '../../shared/config/config-keys.ts';
import { JOB_MANAGER_DEFAULTS } from '../../shared/config/job-manager-options.ts';
import { parseConfig } from '../../shared/config/read-config-file.ts';
import { TASK_MANAGER_DEFAULTS } from '../../shared/config/task-manager-options.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(join(root, 'docs/configuration.md'), 'utf8');

/** The first cells of the tables below a heading, up to the next one. */
function namesBelow(heading: string): string[] {
  const section = page.split(/^## /m).find((part) => part.startsWith(`${heading}\n`));
  assert.ok(section !== undefined, `there is a heading "${heading}"`);
  return [...section.matchAll(/^\| `([^`]+)` +\|/gm)].map((match) => match[1] ?? '');
}

const HEADINGS = ['Every server', 'Job manager', 'Task manager', 'Client', 'S3'];

/** What the keys `tls.…` and `s3.…` make together. */
const COMPOSED = ['tls', 'fileSystemOptions'];

test('when a manager has an option, then a key of the configuration sets it', () => {
  for (const [defaults, field] of [
    [JOB_MANAGER_DEFAULTS, 'jobManagerField'],
    [TASK_MANAGER_DEFAULTS, 'taskManagerField'],
  ] as const) {
    const set: string[] = CONFIG_KEYS.flatMap((key) => key[field] ?? []);
    const missing = Object.keys(defaults).filter((name) => !set.includes(name));
    assert.deepEqual(
      missing.filter((name) => !COMPOSED.includes(name)),
      [],
    );
  }
});

test('when a key exists, then docs/configuration.md lists it once, and none else', () => {
  const listed = HEADINGS.flatMap(namesBelow);
  assert.deepEqual(listed.toSorted(), CONFIG_KEYS.map(({ key }) => key).toSorted());
});

test('when a key has an option, then it is one of the command that the key applies to', () => {
  const program = createProgram(() => {});
  const commands = { 'job manager': 'jobmanager', 'task manager': 'taskmanager' } as const;
  for (const { key, flag, appliesTo } of CONFIG_KEYS) {
    for (const scope of appliesTo) {
      if (flag === undefined || scope === 'client') continue;
      const command = program.commands.find((each) => each.name() === commands[scope]);
      const option = command?.options.find((each) => each.long === flag);
      assert.ok(option instanceof ConfigOption, `${commands[scope]} ${flag}`);
      assert.equal(option.configKey, key);
    }
  }
});

test('when the page shows a sluice.yaml, then it is one without mistakes', () => {
  const [example = ''] = /(?<=```yaml\n)[\s\S]*?(?=```)/.exec(page) ?? [];
  const { given, problems } = parseConfig({ fileName: 'sluice.yaml', text: example });
  assert.deepEqual(problems, []);
  assert.ok(given.size > 10);
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
  const variables = CONFIG_KEYS.map(({ variable }): string => variable);
  const documented = new Set([...namesBelow('Environment variables'), ...variables]);
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
