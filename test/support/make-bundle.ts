import { join } from 'node:path';
import { mustRun } from './run-command.ts';
import { ROOT } from './sluice-process.ts';

/** Runs `npm run bundle` of this checkout; gives the archive's path. */
export async function makeBundle(output: string): Promise<string> {
  const args = [join(ROOT, 'packaging', 'bundle.ts'), '--output', output];
  const path = `${join(ROOT, 'node_modules', '.bin')}:${process.env['PATH']}`;
  return (await mustRun(process.execPath, args, { cwd: ROOT, env: { PATH: path } })).trim();
}
