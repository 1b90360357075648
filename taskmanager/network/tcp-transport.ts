/**
 * Byte streams over plain TCP: the only place that knows sockets. What is written in one turn of the
 * event loop leaves in one system call; what is read lands in one large buffer per connection.
 */
import { createConnection, createServer, type OnReadOpts, type Socket } from 'node:net';
import { listenError } from '../../shared/rpc/listen-error.ts';
import { peerOf } from '../../shared/security/peer-of.ts';
import type { ByteStream, Transport } from './transport.ts';

/** One read of the socket that opened the connection, which is the end that receives the data. */
const READ_BUFFER_BYTES = 256 * 1024;
const CONNECT_BACKLOG = 511;

export const tcpTransport: Transport = {
  async listen({ host, port, onConnection }) {
    const server = createServer({ noDelay: true }, (socket) => onConnection(streamOf(socket)));
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => {
        const target = { listener: 'the data plane', host, port, portOption: '--data-port' };
        reject(listenError(error, target));
      });
      server.listen({ host, port, backlog: CONNECT_BACKLOG }, resolve);
    });
    // Errors of accepting (too many files open) concern one connection only.
    server.on('error', () => {});
    const address = server.address();
    return {
      port: typeof address === 'object' && address !== null ? address.port : port,
      close: () => server.close(),
    };
  },

  connect(host, port) {
    const { onread, onData } = readIntoOneBuffer();
    const socket = createConnection({ host, port, noDelay: true, onread });
    return { ...streamOf(socket), peer: `${host}:${port}`, onData };
  },
};

/** What a socket reads goes through the same memory; whoever is given a chunk must not keep it. */
export function readIntoOneBuffer(): {
  readonly onread: OnReadOpts;
  readonly onData: ByteStream['onData'];
} {
  let deliver: (chunk: Uint8Array) => void = () => {};
  const buffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);
  return {
    onread: {
      buffer,
      callback(length) {
        deliver(buffer.subarray(0, length));
        return true;
      },
    },
    onData(callback) {
      deliver = callback;
    },
  };
}

export function streamOf(socket: Socket): ByteStream {
  let isCorked = false;
  return {
    peer: peerOf(socket),
    write(bytes, onSent) {
      if (!isCorked) {
        isCorked = true;
        socket.cork();
        setImmediate(() => {
          isCorked = false;
          socket.uncork();
        });
      }
      if (onSent === undefined) {
        socket.write(bytes);
      } else {
        socket.write(bytes, (error) => {
          if (error === null || error === undefined) onSent();
        });
      }
    },
    onData(callback) {
      socket.on('data', callback);
    },
    onClose(callback) {
      let cause: Error | null = null;
      socket.on('error', (error) => {
        cause = error;
      });
      // Half-closed is closed: neither side sends after its end.
      socket.on('end', () => socket.end());
      socket.once('close', () => callback(cause));
    },
    end() {
      socket.end();
    },
    destroy() {
      socket.destroy();
    },
  };
}
