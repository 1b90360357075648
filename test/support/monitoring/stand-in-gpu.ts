import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { GPU_QUERY_OUTPUT } from '../gpu-query-output.ts';

/**
 * An environment in which `nvidia-smi` is a script that prints {@link GPU_QUERY_OUTPUT}: for what becomes
 * of the answer, where there is no card to ask.
 */
export function standInGpu(folder: string): Readonly<Record<string, string>> {
  const bin = join(folder, 'stand-in-gpu');
  mkdirSync(bin);
  const command = join(bin, 'nvidia-smi');
  writeFileSync(command, `#!/bin/sh\ncat <<'END'\n${GPU_QUERY_OUTPUT}END\n`);
  chmodSync(command, 0o755);
  return { PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}` };
}
