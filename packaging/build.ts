/**
 * `npm run build`: compiles the sources into dist/, which mirrors their tree, and puts beside them what
 * they read at run time. `npm pack` runs it first.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import process from 'node:process';

const root = dirname(import.meta.dirname);
const dist = join(root, 'dist');
const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));

rmSync(dist, { recursive: true, force: true });
const { status, error } = spawnSync(
  process.execPath,
  [join(typescript, 'bin', 'tsc'), '--project', join(root, 'packaging', 'tsconfig.json')],
  { stdio: 'inherit' },
);
if (error !== undefined) throw error;
if (status !== 0) process.exit(status ?? 1);

// gRPC reads the messages from the .proto files themselves.
cpSync(join(root, 'proto', 'sluice'), join(dist, 'proto', 'sluice'), { recursive: true });
copyFileSync(join(root, 'CHANGELOG.md'), join(dist, 'CHANGELOG.md'));
chmodSync(join(dist, 'cli', 'main.js'), 0o755);
