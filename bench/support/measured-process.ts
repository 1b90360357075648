import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import process from 'node:process';

const POLL_MS = 50;
/** Linux accounts CPU time in hundredths of a second. */
const TICKS_PER_SECOND = 100;

export interface ProcessUsage {
  readonly cpuSeconds: number;
  readonly memoryPeakBytes: number;
}

/** What a process has used so far, by `/proc`; null once it is gone (or where there is no /proc). */
export function usageOf(processId: number): ProcessUsage | null {
  try {
    const stat = readFileSync(`/proc/${processId}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const status = readFileSync(`/proc/${processId}/status`, 'utf8');
    const peakKiB = /VmHWM:\s+(\d+)/.exec(status)?.[1] ?? '0';
    return {
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
      memoryPeakBytes: Number(peakKiB) * 1024,
    };
  } catch {
    return null;
  }
}

export interface MeasuredRun {
  readonly stdout: string;
  readonly usage: ProcessUsage;
  /** From the start of the process to the first line it printed, milliseconds. */
  readonly firstOutputMs: number;
}

/** Runs a Node script to its end and measures the whole process from outside. */
export async function runMeasured(
  args: readonly string[],
  options: { readonly input?: string; readonly cwd: string },
): Promise<MeasuredRun> {
  const startedAt = performance.now();
  const child = spawn(process.execPath, args, {
    cwd: options.cwd,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.end(options.input ?? '');
  let usage: ProcessUsage = { cpuSeconds: 0, memoryPeakBytes: 0 };
  const timer = setInterval(() => {
    const now = usageOf(child.pid ?? 0) ?? usage;
    // A process that is ending has no memory any more, but still its CPU time.
    const memoryPeakBytes = Math.max(usage.memoryPeakBytes, now.memoryPeakBytes);
    usage = { cpuSeconds: now.cpuSeconds, memoryPeakBytes };
  }, POLL_MS);
  let stdout = '';
  let stderr = '';
  let firstOutputMs = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    if (stdout === '') firstOutputMs = performance.now() - startedAt;
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const code = await exitOf(child);
  clearInterval(timer);
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}:\n${stderr}${stdout}`);
  return { stdout, usage, firstOutputMs };
}

function exitOf(child: ChildProcess): Promise<number | string> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown'));
  });
}
