import { type ChildProcess, spawn } from 'node:child_process';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';

/** A `sluice` server that is started again `restartMs` after it ends, as a supervisor does. */
export class ServerProcess {
  readonly #args: readonly string[];
  readonly #cwd: string;
  readonly #restartMs: number;
  #child: ChildProcess | null = null;
  #isStopping = false;
  #loop: Promise<void>;

  constructor(
    args: readonly string[],
    options: { readonly cwd: string; readonly restartMs: number },
  ) {
    this.#args = args;
    this.#cwd = options.cwd;
    this.#restartMs = options.restartMs;
    this.#loop = this.#run();
  }

  /** SIGKILL; gives the time of it, in milliseconds since the epoch. */
  kill(): number {
    this.#child?.kill('SIGKILL');
    return Date.now();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#child?.kill('SIGTERM');
    const timer = setTimeout(() => this.#child?.kill('SIGKILL'), 15_000);
    await this.#loop;
    clearTimeout(timer);
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      const child = spawn(process.execPath, [...this.#args], {
        cwd: this.#cwd,
        stdio: ['ignore', 'ignore', 'ignore'],
      });
      this.#child = child;
      await new Promise((resolve) => child.once('close', resolve));
      if (!this.#isStopping) await delay(this.#restartMs);
    }
  }
}
