import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { resultRow } from '../../../taskmanager/connectors/files-sink/result-row.ts';
import { createRowEncoder } from '../../../taskmanager/connectors/files-sink/row-encoder.ts';
import { recordOf } from './fake-operator-context.ts';

const NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5);

/** RFC 4180, read back. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/y;
  while (field.lastIndex < text.length) {
    const match = field.exec(text);
    assert.ok(match !== null, `no CSV at ${JSON.stringify(text)}`);
    row.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    if (match[3] === ',') continue;
    rows.push(row);
    row = [];
  }
  return rows;
}

test('when an image was classified, then the row has the fields in the documented order', () => {
  const value = {
    uri: 'file:///a.jpg',
    etag: 'x',
    bytes: 10,
    format: 'jpeg',
    width: 4,
    height: 3,
    label: 'car',
    index: 1,
    score: 0.5,
    topK: [],
    model: { name: 'm', version: '1' },
  };
  const record = recordOf(value, { uri: 'file:///a.jpg' });
  const row = resultRow(record, { fields: null, timestamps: true }, NOW_MS);
  assert.deepEqual(Object.keys(row), [...Object.keys(value), 'eventTime', 'processedAt']);
  assert.equal(row['eventTime'], new Date(1_700_000_000_000).toISOString());
  assert.equal(row['processedAt'], '2026-01-02T03:04:05.000Z');
});

test('when a record comes from no object, then times are written only where asked for', () => {
  const record = recordOf({ sequence: 1 });
  assert.deepEqual(resultRow(record, { fields: null, timestamps: true }, NOW_MS), { sequence: 1 });
  const fields = ['processedAt', 'sequence'];
  assert.deepEqual(resultRow(record, { fields, timestamps: true }, NOW_MS), {
    processedAt: '2026-01-02T03:04:05.000Z',
    sequence: 1,
  });
});

test('when fields are dotted paths, then they reach inside and missing ones are null', () => {
  const record = recordOf({ model: { name: 'm' }, 'a.b': 1, a: { b: 2 }, text: 'x' });
  const fields = ['model.name', 'model.version', 'a.b', 'text.length', 'toString'];
  assert.deepEqual(resultRow(record, { fields, timestamps: false }, NOW_MS), {
    'model.name': 'm',
    'model.version': null,
    'a.b': 1,
    'text.length': null,
    toString: null,
  });
});

test('when values are any text, then CSV reads back the same', () => {
  const values = fc.dictionary(fc.constantFrom('a', 'b', 'c,"d"'), fc.string({ unit: 'grapheme' }));
  fc.assert(
    fc.property(fc.array(values, { minLength: 1, maxLength: 5 }), (rows) => {
      const fields = ['c,"d"', 'a', 'b'];
      const encoder = createRowEncoder('csv', fields);
      const encoded = rows.map((value) =>
        encoder.encode(resultRow(recordOf(value), { fields, timestamps: false }, NOW_MS)),
      );
      const parsed = parseCsv(encoder.header() + encoded.join(''));
      assert.deepEqual(parsed[0], fields);
      assert.deepEqual(
        parsed.slice(1),
        rows.map((value) => fields.map((field) => value[field] ?? '')),
      );
    }),
  );
});

test('when CSV values are numbers, objects or nothing, then they have one spelling each', () => {
  const encoder = createRowEncoder('csv', ['n', 'flag', 'list', 'none']);
  const row = encoder.encode({ n: 0.1, flag: true, list: [{ a: 1 }], none: null });
  assert.equal(row, '0.1,true,"[{""a"":1}]",\r\n');
});

test('when CSV has no fields, then the first row makes the columns and others are rejected', () => {
  const encoder = createRowEncoder('csv', null);
  assert.equal(encoder.encode({ a: 1, b: 2 }), '1,2\r\n');
  assert.equal(encoder.header(), 'a,b\r\n');
  assert.equal(encoder.encode({ b: 3 }), ',3\r\n');
  assert.throws(() => encoder.encode({ a: 1, c: 2 }), {
    code: 'RECORD_INVALID',
    message: 'the CSV file has no column for "c"',
  });
});

test('when JSON values are any, then every line is one row and reads back the same', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const line = createRowEncoder('jsonl', null).encode(value);
      assert.ok(line.endsWith('\n') && !line.slice(0, -1).includes('\n'));
      assert.deepEqual(JSON.parse(line), JSON.parse(JSON.stringify(value)));
    }),
  );
});

test('when a value is a bigint, then JSON has a number, or text where a number loses digits', () => {
  const line = createRowEncoder('jsonl', null).encode({ a: 12n, b: 2n ** 60n });
  assert.equal(line, '{"a":12,"b":"1152921504606846976"}\n');
});

test('when a value contains itself, then the record is rejected', () => {
  const value: Record<string, unknown> = {};
  value['self'] = value;
  assert.throws(() => createRowEncoder('jsonl', null).encode(value), { code: 'RECORD_INVALID' });
});
