#!/usr/bin/env node
/**
 * The `sluice` command. This file runs before anything else is loaded: it checks the Node version
 * and sizes libuv's thread pool (which decodes the images), which must happen before the process's
 * first asynchronous I/O.
 */
import nodeModule from 'node:module';
import { availableParallelism } from 'node:os';
import process from 'node:process';

// No named import from node:module: a Node that is too old has not all of them, and would say just that.
const NODE_MIN = [22, 18] as const;
const THREAD_POOL_SIZE_MIN = 4;

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < NODE_MIN[0] || (major === NODE_MIN[0] && minor < NODE_MIN[1])) {
  process.stderr.write(
    `sluice needs Node ${NODE_MIN.join('.')} or newer; this is ${process.versions.node}. ` +
      'In a checkout, start it through npx or npm: they use the Node that the project installs.\n',
  );
  process.exit(1);
}
process.env['UV_THREADPOOL_SIZE'] ??= String(
  Math.max(THREAD_POOL_SIZE_MIN, availableParallelism()),
);

// Types are stripped once, not at every start.
nodeModule.enableCompileCache();

const { runProgram } = await import('./program.ts');
process.exitCode = await runProgram(process.argv);
