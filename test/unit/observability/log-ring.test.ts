import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LogRing } from '../../../shared/observability/log-ring.ts';

function ringOf(lines: readonly string[], bytesMax?: number): LogRing {
  const ring = new LogRing(bytesMax);
  for (const line of lines) ring.write(`${line}\n`);
  return ring;
}

test('when a log is read from the start, then every line comes, whole, at its place', () => {
  const ring = ringOf(['one', 'two', 'three']);
  const part = ring.read({ offset: 0, length: 9 });
  assert.equal(part.text.toString(), 'one\ntwo\n');
  const rest = ring.read({ offset: part.offset + part.text.length, length: 9 });
  assert.equal(rest.text.toString(), 'three\n');
  assert.deepEqual([rest.start, rest.offset, rest.end], [0, 8, 14]);
});

test('when only the last lines are wanted, then they come, as many as fit', () => {
  const ring = ringOf(['one', 'two', 'three']);
  assert.equal(ring.read({ length: 100, tail: 2 }).text.toString(), 'two\nthree\n');
  assert.equal(ring.read({ length: 8, tail: 2 }).text.toString(), 'three\n');
  assert.equal(ring.read({ length: 10 }).text.toString(), 'two\nthree\n');
  assert.equal(ringOf([]).read({ length: 10, tail: 1 }).text.toString(), '');
});

test('when more is logged than is kept, then the oldest lines go and offsets go on', () => {
  const ring = ringOf(['aaaa', 'bbbb', 'cccc', 'dddd'], 10);
  const part = ring.read({ offset: 0, length: 100 });
  assert.deepEqual([part.start, part.offset, part.end], [10, 10, 20]);
  assert.equal(part.text.toString(), 'cccc\ndddd\n');
});

test('when one line is longer than was asked for, then it comes in parts, characters whole', () => {
  const ring = ringOf(['häää']);
  const texts: string[] = [];
  for (let offset = 0; ; ) {
    const { text, end } = ring.read({ offset, length: 4 });
    texts.push(text.toString());
    offset += text.length;
    if (offset >= end) break;
  }
  assert.equal(texts.join(''), 'häää\n');
  assert.ok(texts.length > 1 && texts.every((text) => !text.includes('\ufffd')));
});

test('when a line has no end, then it is cut', () => {
  const ring = ringOf(['x'.repeat(1024 ** 2), 'next']);
  const { text, end } = ring.read({ offset: 0, length: 1024 ** 2 });
  assert.match(text.toString(), /x … \(cut\)\nnext\n$/u);
  assert.ok(end < 70_000);
});

test('when a log is followed with any lengths, then nothing is missing and nothing is doubled', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: 'grapheme', maxLength: 40 }), { maxLength: 60 }),
      fc.integer({ min: 1, max: 120 }),
      (lines, length) => {
        const ring = new LogRing();
        let offset = 0;
        const read: Buffer[] = [];
        const follow = () => {
          for (;;) {
            const part = ring.read({ offset, length });
            assert.equal(part.offset, offset);
            read.push(part.text);
            offset += part.text.length;
            if (offset === part.end) return;
          }
        };
        for (const [index, line] of lines.entries()) {
          ring.write(`${line}\n`);
          if (index % 3 === 0) follow();
        }
        follow();
        assert.equal(Buffer.concat(read).toString(), lines.map((line) => `${line}\n`).join(''));
      },
    ),
  );
});

test('when much is logged, then the memory of a ring has its bound', () => {
  const ring = new LogRing(10_000);
  for (let index = 0; index < 50_000; index += 1) ring.write(`${index}\n`);
  const { text, start, end } = ring.read({ offset: 0, length: 1024 ** 2 });
  assert.ok(end - start <= 10_000 && text.length === end - start);
  assert.match(text.toString(), /49999\n$/u);
});
