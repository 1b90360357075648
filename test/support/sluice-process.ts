import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { JobDetail } from '../../shared/rest/rest-types.ts';
import { eventually } from './eventually.ts';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MAIN = join(ROOT, 'cli', 'main.ts');

export interface SluiceResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface SluiceOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  /** Of another installation; default: this one. */
  readonly main?: string;
}

/** A `sluice` command that still runs. */
export class SluiceProcess {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly ended: Promise<SluiceResult>;

  constructor(args: readonly string[], options: SluiceOptions = {}) {
    this.child = spawn(process.execPath, [options.main ?? MAIN, ...args], {
      cwd: options.cwd ?? ROOT,
      env: { ...process.env, NO_COLOR: '1', ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.on('data', (chunk: Buffer) => {
      this.stdout += chunk.toString();
    });
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    const timer = setTimeout(() => this.child.kill('SIGKILL'), options.timeoutMs ?? 120_000);
    this.ended = new Promise((resolve) => {
      this.child.once('close', (code, signal) => {
        clearTimeout(timer);
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr });
      });
    });
  }

  /** Waits until the output (of both streams) matches. */
  async until(pattern: RegExp, timeoutMs = 20_000): Promise<RegExpExecArray> {
    return eventually(() => pattern.exec(this.stdout) ?? pattern.exec(this.stderr), {
      timeoutMs,
      message: `no ${pattern} in:\n${this.stdout}\n${this.stderr}\n`,
    });
  }
}

/** Runs a command to its end. */
export function sluice(args: readonly string[], options?: SluiceOptions): Promise<SluiceResult> {
  return new SluiceProcess(args, options).ended;
}

/** Runs a command that must succeed and prints JSON. */
export async function sluiceJson<T>(args: readonly string[], options?: SluiceOptions): Promise<T> {
  const result = await sluice(args, options);
  if (result.code !== 0) {
    throw new Error(
      `sluice ${args.join(' ')} ended with ${result.code ?? result.signal}:\n` +
        `${result.stdout}\n${result.stderr}`,
    );
  }
  return JSON.parse(result.stdout) as T;
}

export type { JobDetail };
