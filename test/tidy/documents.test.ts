import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ERROR_CODES } from '../../shared/errors/codes.ts';

const read = (file: string): string =>
  readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');

test('when an error code exists, then docs/errors.md explains it, and the other way round', () => {
  const documented = [...read('docs/errors.md').matchAll(/^\| `([A-Z_]+)` +\|/gm)].map(
    (match) => match[1],
  );
  assert.deepEqual(documented.toSorted(), [...ERROR_CODES].toSorted());
});

test('when a package is depended on, then docs/dependencies.md says why, and none else', () => {
  const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<
    'dependencies' | 'devDependencies',
    Record<string, string>
  >;
  const documented = [...read('docs/dependencies.md').matchAll(/^\| `([^`]+)` +\|/gm)].map(
    (match) => match[1],
  );
  const used = [...Object.keys(dependencies), ...Object.keys(devDependencies)];
  assert.deepEqual(documented.toSorted(), used.toSorted());
});

test('when versions are not pinned, then two installs may differ', () => {
  const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<
    'dependencies' | 'devDependencies',
    Record<string, string>
  >;
  const loose = Object.entries({ ...dependencies, ...devDependencies }).filter(
    ([, version]) => !/^\d/.test(version),
  );
  assert.deepEqual(loose, []);
});
