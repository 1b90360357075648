import { cpuMsOf, type ExchangeRun, end, forkScript, nextMessage } from './exchange-run.ts';
import type { RawLoopCommand } from './raw-loop-process.ts';
import { RAW_FRAME_BYTES } from './workload.ts';

/** Frames of 32 KiB between two processes over a socket, and nothing but that. */
export async function runRawLoop(frames: number): Promise<ExchangeRun> {
  const [sender, receiver] = [
    forkScript('./raw-loop-process.ts'),
    forkScript('./raw-loop-process.ts'),
  ];
  try {
    sender.send({ role: 'send', frames } satisfies RawLoopCommand);
    const { port } = await nextMessage<{ port: number }>(sender);
    const cpuBeforeMs = cpuMsOf([sender, receiver]);
    receiver.send({ role: 'receive', frames, port } satisfies RawLoopCommand);
    const { milliseconds } = await nextMessage<{ milliseconds: number }>(receiver);
    const cpuMs = cpuMsOf([sender, receiver]) - cpuBeforeMs;
    return { elements: frames, bytes: frames * RAW_FRAME_BYTES, milliseconds, cpuMs };
  } finally {
    await end([sender, receiver]);
  }
}
