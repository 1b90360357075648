import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize, relative, sep } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

/** The house rules that a linter does not know. */

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const LINES_MAX = 500;
const CODE_FOLDERS = ['shared', 'jobmanager', 'taskmanager', 'cli'];

const files = readdirSync(root)
  .filter((folder) => !folder.startsWith('.') && !['node_modules', 'output'].includes(folder))
  .flatMap((name) =>
    statSync(join(root, name)).isDirectory()
      ? readdirSync(join(root, name), { recursive: true, encoding: 'utf8' }).map((file) =>
          join(name, file).replaceAll(sep, '/'),
        )
      : [name],
  )
  .filter((file) => file.endsWith('.ts') && !file.startsWith('proto/generated/'));

const sources = files.map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }));

/** Static and dynamic imports, and worker entries, resolved to paths from the root or bare names. */
function importsOf({ file, text }: { file: string; text: string }): string[] {
  const specifiers = [
    ...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g),
    ...text.matchAll(/new URL\('(\.[^']+)'/g),
  ].map((match) => match[1] ?? '');
  return specifiers.map((specifier) =>
    specifier.startsWith('.') ? normalize(join(dirname(file), specifier)) : specifier,
  );
}

function offences(
  folder: string,
  isForbidden: (imported: string, file: string) => boolean,
): string[] {
  return sources
    .filter(({ file }) => file.startsWith(`${folder}/`))
    .flatMap((source) =>
      importsOf(source)
        .filter((imported) => isForbidden(imported, source.file))
        .map((imported) => `${source.file} imports ${imported}`),
    );
}

test('when a file is longer than 500 lines, then it is to be split', () => {
  const long = sources
    .map(({ file, text }) => ({ file, lines: text.split('\n').length }))
    .filter(({ lines }) => lines > LINES_MAX);
  assert.deepEqual(long, []);
});

test('when a manager imports the other one, then the layers are broken', () => {
  assert.deepEqual(
    offences('jobmanager', (imported) => imported.startsWith('taskmanager/')),
    [],
  );
  assert.deepEqual(
    offences('taskmanager', (imported) => imported.startsWith('jobmanager/')),
    [],
  );
});

test('when shared code imports a manager or the command line, then the layers are broken', () => {
  const upper = ['jobmanager/', 'taskmanager/', 'cli/', 'bench/', 'test/', 'examples/'];
  assert.deepEqual(
    offences('shared', (imported) => upper.some((folder) => imported.startsWith(folder))),
    [],
  );
});

test('when product code imports tests or benchmarks, then the layers are broken', () => {
  const found = CODE_FOLDERS.flatMap((folder) =>
    offences(folder, (imported) => /^(test|bench|examples)\//.test(imported)),
  );
  assert.deepEqual(found, []);
});

test('when a native or heavy library is imported outside its folder, then it has spread', () => {
  const homes: readonly (readonly [RegExp, readonly string[]])[] = [
    [/^sharp$/, ['taskmanager/image/']],
    [/^onnxruntime-node$/, ['taskmanager/inference/']],
    [/^@aws-sdk\/|^@smithy\//, ['shared/filesystem/']],
    [/^@grpc\//, ['shared/rpc/', 'jobmanager/rpc/', 'taskmanager/rpc/']],
    [/^lmdb$/, ['taskmanager/state/']],
    [/^node:(net|tls)$/, ['taskmanager/network/', 'shared/security/']],
    [/^@peculiar\/x509$/, ['cli/security/']],
    [/^fastify$/, ['jobmanager/rest/', 'taskmanager/metrics/', 'shared/observability/']],
    [/^commander$/, ['cli/']],
  ];
  const found = CODE_FOLDERS.flatMap((folder) =>
    offences(folder, (imported, file) =>
      homes.some(
        ([library, places]) =>
          library.test(imported) && !places.some((place) => file.startsWith(place)),
      ),
    ),
  );
  assert.deepEqual(found, []);
});

test('when code reads the real clock or real randomness, then it is not in one place', () => {
  const allowed = new Set(['shared/time/system-clock.ts', 'shared/ids/random-ids.ts']);
  const found = sources
    .filter(({ file }) => CODE_FOLDERS.some((folder) => file.startsWith(`${folder}/`)))
    .filter(({ file }) => !allowed.has(file))
    .filter(({ text }) => /Date\.now\(\)|Math\.random\(\)|new Date\(\)/.test(text))
    .map(({ file }) => file);
  assert.deepEqual(found, []);
});

test('when a barrel or a default export appears, then imports no longer name their file', () => {
  const found = sources
    .filter(({ file }) => CODE_FOLDERS.some((folder) => file.startsWith(`${folder}/`)))
    .filter(({ text }) => /^export \*|^export default/m.test(text))
    .map(({ file }) => file);
  assert.deepEqual(found, []);
});

test('when a file has no kebab-case name, then it is named otherwise than the rest', () => {
  const found = files.filter((file) => !/^[a-z0-9.\-/]+\.ts$/.test(file));
  assert.deepEqual(found, []);
});

test('when a TODO stands in the code, then it names no plan', () => {
  const found = sources
    .filter(({ file }) => relative('test/tidy', file) !== 'layout.test.ts')
    .filter(({ file, text }) => !file.startsWith('test/tidy/') && /\b(TODO|FIXME|XXX)\b/.test(text))
    .map(({ file }) => file);
  assert.deepEqual(found, []);
});
