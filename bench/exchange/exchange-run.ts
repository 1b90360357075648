import { type ChildProcess, fork } from 'node:child_process';
import { usageOf } from '../support/measured-process.ts';

/** What one run of any variant measured, from the first element's arrival to the last one's. */
export interface ExchangeRun {
  readonly elements: number;
  readonly bytes: number;
  readonly milliseconds: number;
  /** Of all processes from when they were ready; NaN where the system does not tell. */
  readonly cpuMs: number;
}

/** Starts one of the benchmark's processes; it ends with the run. */
export function forkScript(name: string): ChildProcess {
  return fork(new URL(name, import.meta.url));
}

/** The next message of the process; rejects when it ends instead. */
export function nextMessage<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null): void => reject(new Error(`a process ended with ${code}`));
    child.once('exit', ended);
    child.once('message', (message) => {
      child.off('exit', ended);
      resolve(message as T);
    });
  });
}

export function cpuMsOf(children: readonly ChildProcess[]): number {
  let seconds = 0;
  for (const { pid } of children) seconds += usageOf(pid ?? 0)?.cpuSeconds ?? Number.NaN;
  return seconds * 1000;
}

export async function end(children: readonly ChildProcess[]): Promise<void> {
  const ended = children.map(
    (child) =>
      new Promise<void>((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) resolve();
        else child.once('exit', () => resolve());
      }),
  );
  for (const child of children) child.kill('SIGKILL');
  await Promise.all(ended);
}
