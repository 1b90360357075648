/**
 * The yardstick of the exchange: one process writes frames of 32 KiB into a plain `node:net` socket
 * as fast as it takes them, another reads them into one buffer; nothing else. Driven over IPC by
 * `raw-loop.ts`.
 */
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import process from 'node:process';
import { RAW_FRAME_BYTES } from './workload.ts';

export type RawLoopCommand =
  | { readonly role: 'send'; readonly frames: number }
  | { readonly role: 'receive'; readonly frames: number; readonly port: number };

export type RawLoopReport = { readonly port: number } | { readonly milliseconds: number };

const READ_BUFFER_BYTES = 256 * 1024;

process.once('message', (command: RawLoopCommand) => {
  if (command.role === 'send') serve(command.frames);
  else receive(command.frames, command.port);
});

function serve(frames: number): void {
  const server = createServer({ noDelay: true }, (socket) => sendFrames(socket, frames));
  server.listen(0, '127.0.0.1', () => report({ port: (server.address() as AddressInfo).port }));
}

function sendFrames(socket: Socket, frames: number): void {
  const frame = Buffer.alloc(RAW_FRAME_BYTES, 7);
  let sent = 0;
  const fill = (): void => {
    while (sent < frames) {
      sent += 1;
      if (!socket.write(frame)) return;
    }
  };
  socket.on('drain', fill);
  fill();
}

function receive(frames: number, port: number): void {
  const bytesExpected = frames * RAW_FRAME_BYTES;
  let bytes = 0;
  let startedAtMs = 0;
  const onread = {
    buffer: Buffer.allocUnsafeSlow(READ_BUFFER_BYTES),
    callback(length: number): boolean {
      if (bytes === 0) startedAtMs = performance.now();
      bytes += length;
      if (bytes === bytesExpected) report({ milliseconds: performance.now() - startedAtMs });
      return true;
    },
  };
  createConnection({ host: '127.0.0.1', port, onread });
}

function report(message: RawLoopReport): void {
  process.send?.(message);
}
