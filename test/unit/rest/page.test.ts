import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { pageOf } from '../../../jobmanager/rest/page.ts';

const keyOf = (item: string): string => item;

function page(items: readonly string[], limit: number, after?: string | null) {
  return pageOf(items, {
    ...{ list: 'things', limit, keyOf, order: 'descending' },
    ...(after == null ? {} : { after }),
  });
}

test('when a list changes between two pages, then no entry comes twice and none that stays is left out', () => {
  const items = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 6 }), { minLength: 1 });
  fc.assert(
    fc.property(items, items, fc.integer({ min: 1, max: 5 }), (before, later, limit) => {
      const seen: string[] = [];
      let next: string | null = null;
      let now = before;
      do {
        const got = page(now, limit, next);
        seen.push(...got.items);
        next = got.next;
        now = later;
      } while (next !== null);
      assert.equal(new Set(seen).size, seen.length);
      const stayed = before.filter((item) => later.includes(item));
      for (const item of stayed) assert.ok(seen.includes(item), item);
    }),
  );
});

test('when the last page is full, then there is no next one', () => {
  assert.deepEqual(page(['a', 'b'], 2), { items: ['b', 'a'], next: null });
  assert.deepEqual(page([], 2), { items: [], next: null });
});

test('when a cursor belongs to another list, then it is refused', () => {
  const { next } = page(['a', 'b'], 1);
  const other = {
    list: 'others',
    limit: 1,
    keyOf,
    order: 'descending',
    after: next ?? '',
  } as const;
  assert.throws(() => pageOf(['a'], other), { code: 'ARGUMENT_INVALID', message: /the others/u });
});
