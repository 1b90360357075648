/**
 * `npm run docs`: writes what the code says of itself (options, help texts, metrics) into the pages,
 * between `<!-- begin: name -->` and `<!-- end: name -->`. A test fails where this was forgotten.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { generatedPages } from './generator/generated-pages.ts';
import { replaceSections } from './generator/replace-sections.ts';

for (const { path, sections } of generatedPages()) {
  const file = new URL(`../${path}`, import.meta.url);
  const before = readFileSync(file, 'utf8');
  const after = replaceSections(before, sections);
  if (after !== before) writeFileSync(file, after);
  process.stdout.write(`${path} ${after === before ? 'is up to date' : 'written'}\n`);
}
