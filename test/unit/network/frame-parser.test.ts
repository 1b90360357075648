import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import {
  controlFrame,
  FRAME,
  FRAME_HEADER_BYTES,
  type FrameHeader,
  helloFrame,
  jsonFrame,
  parseHello,
  parseRequest,
} from '../../../taskmanager/network/frame.ts';
import { FrameParser } from '../../../taskmanager/network/frame-parser.ts';
import { OVERSIZE_BUFFER_BYTES_MAX } from '../../../taskmanager/network/network-options.ts';

interface Received {
  readonly type: number;
  readonly channel: number;
  readonly extra: number;
  readonly payload: string;
}

function collect(skip: (header: FrameHeader) => boolean = () => false): {
  readonly parser: FrameParser;
  readonly frames: Received[];
} {
  const frames: Received[] = [];
  const parser = new FrameParser({
    allocate: (header) =>
      skip(header) ? null : new ArrayBuffer(FRAME_HEADER_BYTES + header.payloadBytes),
    receive({ type, channel, extra, payloadBytes }, memory) {
      const payload = Buffer.from(memory, FRAME_HEADER_BYTES, payloadBytes).toString();
      frames.push({ type, channel, extra, payload });
    },
  });
  return { parser, frames };
}

const stream = Buffer.concat([
  helloFrame('tm-1'),
  controlFrame(FRAME.credit, 7, 12),
  jsonFrame(FRAME.request, 3, { partitionId: 'p', subpartition: 1, credit: 2 }),
  controlFrame(FRAME.ping, 0, 0),
  jsonFrame(FRAME.data, 9, { any: 'x'.repeat(500) }),
]);

test('when frames arrive in chunks of any sizes, then they are the same frames', () => {
  const whole = collect();
  whole.parser.push(stream);
  assert.deepEqual(
    whole.frames.map(({ type, channel, extra }) => [type, channel, extra]),
    [
      [FRAME.hello, 0, 0],
      [FRAME.credit, 7, 12],
      [FRAME.request, 3, 0],
      [FRAME.ping, 0, 0],
      [FRAME.data, 9, 0],
    ],
  );
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), (sizes) => {
      const cut = collect();
      for (let position = 0, turn = 0; position < stream.length; turn += 1) {
        const size = sizes[turn % sizes.length] ?? 1;
        const chunk = Buffer.from(stream.subarray(position, position + size));
        cut.parser.push(chunk);
        // A chunk is only valid during the call.
        chunk.fill(0xee);
        position += size;
      }
      assert.deepEqual(cut.frames, whole.frames);
    }),
  );
});

test('when nobody wants a frame, then it is skipped and the next one is found', () => {
  const { parser, frames } = collect(({ type }) => type === FRAME.request);
  for (const byte of stream) parser.push(Buffer.from([byte]));
  assert.deepEqual(
    frames.map(({ type }) => type),
    [FRAME.hello, FRAME.credit, FRAME.ping, FRAME.data],
  );
});

test('when bytes are no frames, then it is a violation', () => {
  const claims = Buffer.from(controlFrame(FRAME.data, 1, 0));
  claims.writeUInt32LE(OVERSIZE_BUFFER_BYTES_MAX + 1, 0);
  const longPing = Buffer.from(controlFrame(FRAME.ping, 0, 0));
  longPing.writeUInt32LE(1, 0);
  const garbage = [
    Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
    claims,
    longPing,
    Buffer.alloc(16),
  ];
  for (const bytes of garbage) {
    assert.throws(
      () => collect().parser.push(bytes),
      (error) => error instanceof SluiceError && error.code === 'PROTOCOL_VIOLATION',
    );
  }
});

test('when a hello or a request is not as it must be, then it is a violation', () => {
  const good = { magic: 'sluice-data-plane', version: 1, taskManagerId: 'a' };
  assert.equal(parseHello(Buffer.from(JSON.stringify(good))), 'a');
  const hellos = ['', '{', '[]', 'null', JSON.stringify({ ...good, version: 2 }), '{"magic":"x"}'];
  for (const text of hellos) assert.throws(() => parseHello(Buffer.from(text)), SluiceError, text);
  const requests = [
    {},
    { partitionId: 1, subpartition: 0, credit: 1 },
    { partitionId: 'p', subpartition: -1, credit: 1 },
    { partitionId: 'p', subpartition: 0.5, credit: 1 },
    { partitionId: 'p', subpartition: 0, credit: 0 },
    { partitionId: 'p', subpartition: 0, credit: 1e9 },
  ];
  for (const request of requests) {
    assert.throws(() => parseRequest(Buffer.from(JSON.stringify(request))), SluiceError);
  }
});
