import { setTimeout as delay } from 'node:timers/promises';
import { type SluiceOptions, SluiceProcess } from '../sluice-process.ts';

/** As systemd's `RestartSec`. */
const RESTART_MS = 200;
/** Of each life's output, for a test that fails. */
const OUTPUT_KEPT = 4_000;
const LIFE_MAX_MS = 900_000;

/** A `sluice` server that is started again whenever it ends, as under systemd's `Restart=always`. */
export class SupervisedProcess {
  readonly name: string;
  readonly #args: readonly string[];
  readonly #options: SluiceOptions;
  #process: SluiceProcess | null = null;
  #isStopping = false;
  #loop: Promise<void> = Promise.resolve();
  #lives = 0;
  #output = '';

  constructor(name: string, args: readonly string[], options: SluiceOptions) {
    this.name = name;
    this.#args = args;
    this.#options = { ...options, timeoutMs: LIFE_MAX_MS };
  }

  get lives(): number {
    return this.#lives;
  }

  get processId(): number | null {
    return this.#process?.child.pid ?? null;
  }

  /** The ends of what its lives wrote. */
  get output(): string {
    return `${this.#output}${tail(this.#process)}`;
  }

  /** `env` of the first life only: what a kill point needs. */
  start(env: Readonly<Record<string, string>> = {}): void {
    this.#loop = this.#run(env);
  }

  /** `kill -9`; the supervisor starts it again. False where it is just not there. */
  kill(signal: NodeJS.Signals = 'SIGKILL'): boolean {
    return this.#process?.child.kill(signal) ?? false;
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#process?.child.kill('SIGTERM');
    const timer = setTimeout(() => this.#process?.child.kill('SIGKILL'), 15_000);
    await this.#loop;
    clearTimeout(timer);
  }

  async #run(env: Readonly<Record<string, string>>): Promise<void> {
    while (!this.#isStopping) {
      this.#lives += 1;
      const extra = this.#lives === 1 ? env : {};
      const life = new SluiceProcess(this.#args, {
        ...this.#options,
        env: { ...this.#options.env, ...extra },
      });
      this.#process = life;
      await life.ended;
      this.#output += `${tail(life)}\n--- ${this.name}: life ${this.#lives} ended\n`;
      this.#process = null;
      if (!this.#isStopping) await delay(RESTART_MS);
    }
  }
}

function tail(process: SluiceProcess | null): string {
  return process === null ? '' : (process.stdout + process.stderr).slice(-OUTPUT_KEPT);
}
