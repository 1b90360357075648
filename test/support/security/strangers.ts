/** Whoever connects to a port without belonging there, many at a time. */
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** What a stranger does once it is connected; it never says who it is. */
const STRANGERS = ['silent', 'garbage', 'plain HTTP', 'drip', 'half a handshake'] as const;
type Stranger = (typeof STRANGERS)[number] | 'no certificate';

export interface FloodFigures {
  readonly strangers: number;
  /** That the server ended, with or without a word. */
  readonly ended: number;
  /** That were still there when their time was over. */
  readonly left: number;
  /** That got what only members get. */
  readonly served: number;
  readonly seconds: number;
}

/** The beginning of a ClientHello; the rest never comes. */
const HALF_HELLO = Buffer.from('160301020001000100fc0303', 'hex');
const GARBAGE = Buffer.alloc(2_000, 0xa5);
const HTTP_REQUEST = 'GET /v1/jobs HTTP/1.1\r\nHost: x\r\n\r\n';
/** Another host's, as the listener sees it. */
const STRANGER_ADDRESS = '127.0.0.66';
const DRIP_MS = 500;
const ECHO_MS = 20_000;
/** One in so many goes through with the handshake: it costs the stranger as much as the server. */
const HANDSHAKE_EVERY = 20;

/** Makes `count` connections, `openMax` at a time; each stays until the server ends it. */
export async function flood(
  port: number,
  options: { readonly count: number; readonly openMax: number; readonly waitMs: number },
): Promise<FloodFigures> {
  const { count, openMax, waitMs } = options;
  const startedAt = performance.now();
  const figures = { ended: 0, left: 0, served: 0 };
  let next = 0;
  const visitAll = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      const { isLeft, text } = await visit(port, strangerOf(index), waitMs);
      if (isLeft) figures.left += 1;
      else figures.ended += 1;
      if (/^HTTP\/1.1 2/u.test(text)) figures.served += 1;
    }
  };
  await Promise.all(Array.from({ length: openMax }, visitAll));
  return { strangers: count, ...figures, seconds: (performance.now() - startedAt) / 1000 };
}

function strangerOf(index: number): Stranger {
  if (index % HANDSHAKE_EVERY === 0) return 'no certificate';
  return STRANGERS[index % STRANGERS.length] ?? 'silent';
}

/** Resolves when the connection is over, by the server or because the time is. */
function visit(
  port: number,
  stranger: Stranger,
  waitMs: number,
): Promise<{ readonly isLeft: boolean; readonly text: string }> {
  return new Promise((resolve) => {
    const where = { host: '127.0.0.1', port, localAddress: STRANGER_ADDRESS };
    const socket: Socket =
      stranger === 'no certificate'
        ? connectTls({ ...where, rejectUnauthorized: false })
        : connect(where);
    let text = '';
    let drip: NodeJS.Timeout | null = null;
    const end = (isLeft: boolean): void => {
      clearTimeout(timer);
      if (drip !== null) clearInterval(drip);
      socket.destroy();
      resolve({ isLeft, text });
    };
    // A kernel whose queue is full forgets a connection that its peer takes for open. A byte tells, or
    // brings it to the server only now.
    let timer = setTimeout(() => {
      socket.write('?');
      timer = setTimeout(() => end(true), ECHO_MS);
    }, waitMs);
    socket.on('data', (chunk: Buffer) => {
      text = `${text}${chunk.toString('latin1')}`.slice(0, 1_000);
    });
    socket.on('end', () => socket.end());
    socket.on('error', () => {});
    socket.once('close', () => end(false));
    socket.once(stranger === 'no certificate' ? 'secureConnect' : 'connect', () => {
      if (stranger === 'drip') {
        drip = setInterval(() => socket.write('G'), DRIP_MS);
      } else if (stranger !== 'silent') {
        socket.write(BYTES[stranger]);
      }
    });
  });
}

const BYTES: Readonly<Record<Exclude<Stranger, 'silent' | 'drip'>, string | Buffer>> = {
  garbage: GARBAGE,
  'plain HTTP': HTTP_REQUEST,
  'half a handshake': HALF_HELLO,
  'no certificate': HTTP_REQUEST,
};
