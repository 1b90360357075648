import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { generatedPages } from '../../docs/generator/generated-pages.ts';
import { replaceSections } from '../../docs/generator/replace-sections.ts';

const read = (file: string): string =>
  readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');

test('when options, commands or metrics change, then the pages about them are made anew', () => {
  for (const { path, sections } of generatedPages()) {
    const page = read(path);
    assert.equal(page, replaceSections(page, sections), `${path} is old: npm run docs`);
  }
});
