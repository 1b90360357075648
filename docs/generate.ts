/**
 * `npm run docs`: writes what the code says of itself (options, help texts, metrics, routes) into the
 * pages, between `<!-- begin: name -->` and `<!-- end: name -->`, and `openapi.json` as a whole. A test
 * fails where this was forgotten.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { generatedPages } from './generator/generated-pages.ts';
import { replaceSections } from './generator/replace-sections.ts';
import { openApiText } from './generator/rest-api.ts';

for (const { path, sections } of generatedPages()) {
  update(path, (page) => replaceSections(page, sections));
}
update('docs/openapi.json', openApiText);

function update(path: string, replace: (before: string) => string): void {
  const file = new URL(`../${path}`, import.meta.url);
  const before = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const after = replace(before);
  if (after !== before) writeFileSync(file, after);
  process.stdout.write(`${path} ${after === before ? 'is up to date' : 'written'}\n`);
}
