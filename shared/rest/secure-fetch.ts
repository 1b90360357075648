import { Agent, request } from 'node:https';
import { Readable } from 'node:stream';

/** Answers of the REST API to a client that trusts one private authority, and nobody else. */
const PROTOCOL = { minVersion: 'TLSv1.3' } as const;

/**
 * `fetch` for https:// with certificates of a private authority, which the global one cannot be told
 * of for one client alone. What the REST client uses of it: method, headers, a text body, a signal.
 */
export function secureFetch(authority: string): typeof fetch {
  const agent = new Agent({ ...PROTOCOL, ca: authority, keepAlive: true });
  return (input, init = {}) =>
    new Promise<Response>((resolve, reject) => {
      const { method = 'GET', headers, body, signal } = init;
      const outgoing = request(
        input instanceof Request ? input.url : input,
        {
          agent,
          method,
          headers: Object.fromEntries(new Headers(headers).entries()),
          ...(signal === null || signal === undefined ? {} : { signal }),
        },
        (incoming) => {
          const answered = new Headers();
          for (const [name, value] of Object.entries(incoming.headers)) {
            if (value !== undefined) answered.set(name, String(value));
          }
          const { statusCode: status = 0 } = incoming;
          const isEmpty = status === 204 || status === 304;
          if (isEmpty) incoming.resume();
          const stream = isEmpty ? null : (Readable.toWeb(incoming) as ReadableStream);
          resolve(new Response(stream, { status, headers: answered }));
        },
      );
      outgoing.once('error', (error) => reject(signal?.aborted ? signal.reason : error));
      outgoing.end(typeof body === 'string' ? body : undefined);
    });
}
