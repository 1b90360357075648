import { SluiceError } from '../../shared/errors/sluice-error.ts';

export interface PageOptions<Item> {
  /** What the list is called; a cursor of another list is refused. */
  readonly list: string;
  readonly limit: number;
  /** `next` of the page before. */
  readonly after?: string;
  /** Unique, and what the list is sorted by. */
  readonly keyOf: (item: Item) => string;
  readonly order: 'ascending' | 'descending';
}

export interface Page<Item> {
  readonly items: readonly Item[];
  /** Null: there is nothing after it. */
  readonly next: string | null;
}

/**
 * Entries of a list that come after a cursor. The cursor holds the key of the last entry that was
 * given, so that a list may grow and shrink between two pages: nothing is given twice, and nothing
 * that stays is left out. Pure.
 */
export function pageOf<Item>(all: readonly Item[], options: PageOptions<Item>): Page<Item> {
  const { list, limit, after, keyOf, order } = options;
  const sign = order === 'ascending' ? 1 : -1;
  const compare = (left: string, right: string) =>
    sign * (left < right ? -1 : left > right ? 1 : 0);
  const sorted = all
    .map((item) => ({ item, key: keyOf(item) }))
    .toSorted((left, right) => compare(left.key, right.key));
  const last = after === undefined ? null : keyOfCursor(list, after);
  const rest = last === null ? sorted : sorted.filter(({ key }) => compare(key, last) > 0);
  const page = rest.slice(0, limit);
  const end = rest.length > limit ? page.at(-1) : undefined;
  return {
    items: page.map(({ item }) => item),
    next: end === undefined ? null : cursorOf(list, end.key),
  };
}

function cursorOf(list: string, key: string): string {
  return Buffer.from(`${list}\n${key}`).toString('base64url');
}

function keyOfCursor(list: string, cursor: string): string {
  const [name, ...key] = Buffer.from(cursor, 'base64url').toString('utf8').split('\n');
  if (name === list && key.length > 0) return key.join('\n');
  throw new SluiceError('ARGUMENT_INVALID', `"after" of the query is no \`next\` of the ${list}`, {
    domain: 'user',
    context: { field: 'after' },
    hint: 'leave it out to begin with the first page',
  });
}
