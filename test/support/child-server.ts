import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { eventually } from './eventually.ts';

const STOP_TIMEOUT_MS = 10_000;
const ERRORS_KEPT = 4_000;

export interface ChildServerOptions {
  /** For messages: `moto`. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Default: that of this process. */
  readonly env?: NodeJS.ProcessEnv;
  /** An address that it answers, whatever it says, once it is there. */
  readonly url: string;
  /** Whether an answer is the one of a server that is ready; default: any. */
  readonly isReady?: (response: Response) => boolean;
  readonly startTimeoutMs: number;
}

/** A server that somebody else wrote, as a child of the test; ended by `close()`. */
export class ChildServer {
  readonly #process: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#process = child;
  }

  /** Resolves when it answers; rejects with the end of its stderr where it does not. */
  static async start(options: ChildServerOptions): Promise<ChildServer> {
    const { name, command, args, env = process.env, startTimeoutMs } = options;
    const child = spawn(command, [...args], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    let errors = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      errors = (errors + chunk.toString()).slice(-ERRORS_KEPT);
    });
    const server = new ChildServer(child);
    try {
      await once(child, 'spawn'); // fails with ENOENT where it is not installed
      await eventually(
        () => {
          if (child.exitCode !== null) throw new Error(`${name} ended`);
          return answers(options);
        },
        { timeoutMs: startTimeoutMs, message: `${name} did not start` },
      );
    } catch (error) {
      await server.close();
      throw new Error(`${(error as Error).message}: ${errors}`, { cause: error });
    }
    return server;
  }

  async close(): Promise<void> {
    const child = this.#process;
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(timer);
  }
}

async function answers({ url, isReady = () => true }: ChildServerOptions): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(1_000) });
    await response.arrayBuffer();
    return isReady(response);
  } catch {
    return false;
  }
}
