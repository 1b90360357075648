import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ObjectTable } from '../../../../cli/audit/object-table.ts';

test('when any names are added, then exactly those are found, each with counts of its own', () => {
  fc.assert(
    fc.property(fc.array(fc.string()), fc.array(fc.string()), (names, others) => {
      const table = new ObjectTable(2);
      for (const name of names) table.add(name);
      table.seal();
      assert.equal(table.size, new Set(names).size);
      for (const [at, name] of [...new Set(names)].entries()) {
        const index = table.indexOf(name);
        for (let count = 0; count < at % 3; count += 1) table.increment(index, at % 2);
      }
      for (const [at, name] of [...new Set(names)].entries()) {
        const index = table.indexOf(name);
        assert.deepEqual(
          [table.count(index, at % 2), table.count(index, 1 - (at % 2))],
          [at % 3, 0],
        );
      }
      for (const other of others) {
        assert.equal(table.indexOf(other) >= 0, names.includes(other));
      }
    }),
  );
});

test('when a count reaches its end, then it stays there', () => {
  const table = new ObjectTable(1);
  table.add('a');
  table.seal();
  for (let count = 0; count < 300; count += 1) table.increment(0, 0);
  assert.equal(table.count(0, 0), 255);
});
