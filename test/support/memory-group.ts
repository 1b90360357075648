import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from './eventually.ts';

const ROOT = '/sys/fs/cgroup';

/**
 * A control group of the kernel that bounds the memory of processes, of either version. It needs root,
 * as tests of several hosts do.
 */
export class MemoryGroup {
  readonly #folder: string;
  readonly #limitFile: string;

  constructor(name: string) {
    const isSecond = existsSync(join(ROOT, 'cgroup.controllers'));
    if (isSecond) writeFileSync(join(ROOT, 'cgroup.subtree_control'), '+memory');
    this.#folder = join(isSecond ? ROOT : join(ROOT, 'memory'), name);
    this.#limitFile = join(this.#folder, isSecond ? 'memory.max' : 'memory.limit_in_bytes');
    mkdirSync(this.#folder);
  }

  /** With what it uses already left where it is. */
  add(processId: number): void {
    writeFileSync(join(this.#folder, 'cgroup.procs'), `${processId}`);
  }

  set limitBytes(bytes: number) {
    writeFileSync(this.#limitFile, `${Math.ceil(bytes)}`);
  }

  /** Once its processes have ended. */
  async remove(): Promise<void> {
    await eventually(() => readFileSync(join(this.#folder, 'cgroup.procs'), 'utf8') === '');
    rmdirSync(this.#folder);
  }
}
