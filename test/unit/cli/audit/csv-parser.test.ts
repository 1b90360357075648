import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CsvParser } from '../../../../cli/audit/csv-parser.ts';
import { createRowEncoder } from '../../../../taskmanager/connectors/files-sink/row-encoder.ts';

test('when rows were written as CSV and come in any pieces, then they are read as they were', () => {
  const cell = fc.string().map((text) => text.replaceAll('\r', ''));
  const anyRows = fc.array(fc.tuple(cell, cell), { minLength: 1 });
  fc.assert(
    fc.property(anyRows, fc.integer({ min: 1, max: 7 }), (rows, piece) => {
      const encoder = createRowEncoder('csv', ['a', 'b']);
      const lines = rows.map(([a, b]) => encoder.encode({ a, b }));
      const text = encoder.header() + lines.join('');
      const parser = new CsvParser();
      const read: string[][] = [];
      for (let at = 0; at < text.length; at += piece) {
        read.push(...parser.push(text.slice(at, at + piece)));
      }
      read.push(...parser.end());
      assert.deepEqual(read, [['a', 'b'], ...rows]);
    }),
  );
});
