import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { joinUri } from '../../../shared/filesystem/uri.ts';
import {
  compileThumbnailKey,
  type ThumbnailKeyOptions,
} from '../../../taskmanager/operators/thumbnails/thumbnail-key.ts';
import { recordOf } from '../connectors/fake-operator-context.ts';

function keyOf(
  template: string,
  value: Record<string, unknown> = {},
  uri: string | undefined = 's3://bucket/in/a/b.c/photo.one.JPG',
  options: Partial<ThumbnailKeyOptions> = {},
): string {
  const key = compileThumbnailKey({
    template,
    format: 'webp',
    sourceRoots: ['s3://bucket/in/a', 's3://bucket/in'],
    ...options,
  });
  return key(recordOf(value, uri === undefined ? {} : { uri, etag: 'abc/1' }));
}

test('when a template has placeholders, then they are filled', () => {
  assert.equal(keyOf('{path}.{format}'), 'b.c/photo.one.webp');
  assert.equal(keyOf('{path}.{format}', {}, 's3://bucket/in/x.png'), 'x.webp');
  assert.equal(keyOf('{path}.{format}', {}, 's3://other/deep/x.png'), 'x.webp', 'of no source');
  assert.equal(keyOf('{path}', {}, 's3://bucket/in/.hidden'), '.hidden');
  assert.equal(
    keyOf('{label}/{name}-{etag}.{format}', { label: 'stop sign' }),
    'stop sign/photo.one-abc_1.webp',
  );
  assert.equal(keyOf('{model.name}/{index}', { model: { name: 'm' }, index: 3 }), 'm/3');
});

test('when a field is missing or an object, then the record is rejected', () => {
  assert.throws(() => keyOf('{label}'), { code: 'RECORD_INVALID' });
  assert.throws(() => keyOf('{model}', { model: {} }), { code: 'RECORD_INVALID' });
  assert.throws(() => keyOf('{toString}'), { code: 'RECORD_INVALID' });
  const key = compileThumbnailKey({ template: '{path}', format: 'png', sourceRoots: [] });
  assert.throws(() => key(recordOf({})), { code: 'RECORD_INVALID' });
});

for (const template of [
  '{',
  'a}',
  '{}',
  '{a',
  '{{a}}',
  '../x',
  'a/../{b}',
  './{a}',
  '/a',
  'a//b',
  'a/',
]) {
  test(`when the template is ${template}, then it is refused at once`, () => {
    assert.throws(() => compileThumbnailKey({ template, format: 'png', sourceRoots: [] }), {
      code: 'ARGUMENT_INVALID',
    });
  });
}

test('when values are hostile, then the key stays inside the folder', () => {
  const hostile = fc.oneof(
    fc.constantFrom('..', '.', '../..', '/etc/passwd', '..\\..', 'a/../../b', '\0', '', '....//'),
    fc.string({ unit: 'binary' }),
  );
  const templates = fc.constantFrom('{a}', '{a}/{b}', '{a}{b}', '{a}.{b}', 'x/{a}{b}/{a}', '.{a}');
  fc.assert(
    fc.property(templates, hostile, hostile, (template, a, b) => {
      const key = keyOf(template, { a, b });
      const segments = key.split('/');
      assert.equal(segments.length, template.split('/').length, 'no value adds a folder');
      for (const segment of segments) assert.doesNotMatch(segment, /^\.*$|[\\\0]/);
      assert.ok(joinUri('file:///out', key).startsWith('file:///out/'));
    }),
    { numRuns: 500 },
  );
});

test('when object keys are hostile, then {path} stays inside the folder', () => {
  const segment = fc.oneof(fc.constantFrom('..', '.', '', '\\..', '\0'), fc.string());
  fc.assert(
    fc.property(fc.array(segment, { minLength: 1, maxLength: 4 }), (segments) => {
      const key = keyOf('{path}.{format}', {}, `s3://bucket/in/${segments.join('/')}`);
      for (const part of key.split('/')) assert.doesNotMatch(part, /^\.*$|[\\\0]/);
      assert.ok(joinUri('file:///out', key).startsWith('file:///out/'));
    }),
    { numRuns: 500 },
  );
});

test('when the same record comes again, then its key is the same', () => {
  assert.equal(keyOf('{label}/{path}', { label: 'x' }), keyOf('{label}/{path}', { label: 'x' }));
});
