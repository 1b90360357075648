import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseListing } from '../../../shared/filesystem/s3-listing.ts';

const TIME = '2026-01-02T03:04:05.000Z';

function page(contents: string, truncated = 'false'): string {
  return (
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
    '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' +
    `<Name>b</Name><IsTruncated>${truncated}</IsTruncated>${contents}</ListBucketResult>`
  );
}

function entry(key: string, more = ''): string {
  return (
    `<Contents><Key>${key}</Key><LastModified>${TIME}</LastModified>` +
    `<ETag>&quot;e1&quot;</ETag><Size>12</Size>${more}</Contents>`
  );
}

describe('parseListing', () => {
  it('when a page is as servers write it, then its objects come back', () => {
    const owner = '<Owner><ID>me</ID><DisplayName>I</DisplayName></Owner>';
    assert.deepEqual(parseListing(page(entry('in/a.jpg', owner) + entry('in/b'), 'true')), {
      objects: ['in/a.jpg', 'in/b'].map((key) => ({
        key,
        size: 12,
        etag: 'e1',
        modifiedAtMs: Date.parse(TIME),
      })),
      isTruncated: true,
    });
  });

  for (const [text, key] of [
    ['a&amp;b &lt;c&gt; &quot;d&quot; &apos;e&apos;', 'a&b <c> "d" \'e\''],
    ['&amp;lt;', '&lt;'],
    ['a&#13;b&#x1F600;', 'a\rb\u{1F600}'],
    [' 007 ', ' 007 '],
    ['ü/日本.jpg', 'ü/日本.jpg'],
  ] as const) {
    it(`when a key is written ${text}, then it is ${JSON.stringify(key)}`, () => {
      assert.equal(parseListing(page(entry(text)))?.objects[0]?.key, key);
    });
  }

  for (const [what, text] of [
    ['an error', '<Error><Code>SlowDown</Code></Error>'],
    ['cut short', page(entry('a')).slice(0, -30)],
    ['with character data', page(entry('<![CDATA[a]]>'))],
    ['with a comment', page(`<!-- ${entry('a')} -->`)],
    ['with an unknown entity', page(entry('&uuml;'))],
    ['with an entity without end', page(entry('a&amp'))],
    ['with attributes', page(entry('a').replace('<Contents>', '<Contents x="1">'))],
    ['without a size', page(entry('a').replace('<Size>12</Size>', ''))],
    ['with no time', page(entry('a').replace(TIME, 'soon'))],
    ['without an end mark', page(entry('a')).replace(/<IsTruncated>.*<\/IsTruncated>/, '')],
  ] as const) {
    it(`when a page is ${what}, then it is left to the SDK`, () => {
      assert.equal(parseListing(text), null);
    });
  }
});
