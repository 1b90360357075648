#!/usr/bin/env node
/**
 * What `npx sluice` starts. In a checkout it runs the sources, so that nothing has to be built there;
 * in an installed package, where Node strips no types, it runs what `npm run build` made of them.
 */
import { existsSync } from 'node:fs';

const sources = new URL('../cli/main.ts', import.meta.url);
const compiled = new URL('../dist/cli/main.js', import.meta.url);
await import((existsSync(sources) ? sources : compiled).href);
