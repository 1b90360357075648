import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  compareUris,
  fileName,
  folderUri,
  formatUri,
  isUri,
  joinUri,
  parentFolder,
  parseUri,
  relativePath,
  toUri,
} from '../../../shared/filesystem/uri.ts';
import { assertCode } from '../../support/filesystem-helpers.ts';

function throwsArgumentInvalid(call: () => unknown): Error {
  try {
    call();
  } catch (error) {
    return assertCode('ARGUMENT_INVALID', error);
  }
  return assert.fail('expected ARGUMENT_INVALID');
}

describe('URIs', () => {
  it('when a URI is parsed, then its parts are as the store knows them', () => {
    const cases: [string, string, string, string][] = [
      ['s3://bucket/key with spaces/ü', 's3', 'bucket', 'key with spaces/ü'],
      ['s3://bucket/a%20b?c#d', 's3', 'bucket', 'a%20b?c#d'],
      ['s3://bucket', 's3', 'bucket', ''],
      ['s3://bucket/', 's3', 'bucket', ''],
      ['s3://bucket//a//b/', 's3', 'bucket', '/a//b/'],
      ['S3://Bucket.name-1/../x', 's3', 'Bucket.name-1', '../x'],
      ['file:///abs/path', 'file', '', '/abs/path'],
      ['file://localhost/abs/path/', 'file', '', '/abs/path/'],
      ['file:///a//b/./c/.', 'file', '', '/a/b/c/'],
      ['file:///', 'file', '', '/'],
      ['memory://name/path', 'memory', 'name', 'path'],
      ['https://host:8080/model.onnx', 'https', 'host:8080', 'model.onnx'],
    ];
    for (const [text, scheme, authority, path] of cases) {
      assert.deepEqual(parseUri(text), { scheme, authority, path });
    }
  });

  it('when a URI is wrong, then the message says why', () => {
    const cases: [string, RegExp][] = [
      ['bucket/key', /no URI/],
      ['', /no URI/],
      ['s3:///key', /no bucket/],
      ['s3://bad bucket/key', /"bad bucket" is no bucket/],
      ['file://host/path', /names no host/],
      ['file://', /no path/],
      ['file:///a/../b', /segment "\.\."/],
      ['s3://bucket/a\0b', /NUL/],
    ];
    for (const [text, message] of cases) {
      assert.match(throwsArgumentInvalid(() => parseUri(text)).message, message);
    }
  });

  it('when a URI holds a password, then the message does not', () => {
    const error = throwsArgumentInvalid(() => parseUri('s3://me:hunter2@bucket/key'));
    assert.doesNotMatch(JSON.stringify(error) + error.message, /hunter2/);
  });

  it('when a path is given, then it becomes a file URI below the base directory', () => {
    const cases: [string, string][] = [
      ['images', 'file:///work/images'],
      ['./images/', 'file:///work/images/'],
      ['../other/ü 1', 'file:///other/ü 1'],
      ['/abs/x', 'file:///abs/x'],
      ['/', 'file:///'],
      ['.', 'file:///work'],
      ['100%', 'file:///work/100%'],
      ['s3://bucket', 's3://bucket/'],
      ['C:\\x', 'file:///work/C:\\x'],
      ['file:///a//b', 'file:///a/b'],
    ];
    for (const [given, expected] of cases) assert.equal(toUri(given, '/work'), expected);
    throwsArgumentInvalid(() => toUri('', '/work'));
    assert.deepEqual(['s3://b', 'a/b', 'x:y', 'file:///'].map(isUri), [true, false, false, true]);
  });

  it('when a path would lead out of the folder, then it is refused', () => {
    for (const path of ['..', '../x', 'a/../../x', 'a/..', './x', 'a/./b', 'a\0b']) {
      throwsArgumentInvalid(() => joinUri('s3://bucket/folder', path));
      throwsArgumentInvalid(() => joinUri('file:///folder/', path));
    }
    assert.equal(joinUri('file:///folder', '/etc//passwd'), 'file:///folder/etc/passwd');
    assert.equal(joinUri('s3://bucket', '..x/.y/z..'), 's3://bucket/..x/.y/z..');
  });

  it('when any path is joined, then it stays below and comes back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), (path) => {
        fc.pre(!path.includes('\0') && !path.split('/').some((part) => /^\.\.?$/.test(part)));
        const joined = joinUri('s3://bucket/a', path);
        assert.equal(relativePath('s3://bucket/a/', joined), path);
        assert.equal(formatUri(parseUri(joined)), joined);
        const file = joinUri('file:///a', path);
        assert.ok(file.startsWith('file:///a/'));
      }),
    );
  });

  it('when two URIs are not below each other, then there is no relative path', () => {
    assert.equal(relativePath('s3://bucket/a', 's3://bucket/ab/c'), null);
    assert.equal(relativePath('s3://bucket/a', 's3://bucket/a/'), null);
    assert.equal(relativePath('s3://bucket', 's3://bucket/x'), 'x');
    assert.equal(folderUri('s3://bucket/a'), 's3://bucket/a/');
    assert.equal(folderUri('s3://bucket'), 's3://bucket/');
    assert.equal(folderUri('file:///'), 'file:///');
    assert.equal(fileName('s3://bucket/a/b.jpg'), 'b.jpg');
    assert.equal(fileName('s3://bucket/x'), 'x');
    assert.equal(parentFolder('s3://bucket/a/b'), 's3://bucket/a/');
    assert.equal(parentFolder('s3://bucket/a/'), 's3://bucket/');
    assert.equal(parentFolder('s3://bucket/'), null);
    assert.equal(parentFolder('file:///a'), 'file:///');
    assert.equal(parentFolder('file:///'), null);
  });

  it('when strings are compared, then the order is that of their UTF-8 bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (left, right) => {
        const bytes = Math.sign(Buffer.compare(Buffer.from(left), Buffer.from(right)));
        assert.equal(Math.sign(compareUris(left, right)), bytes);
      }),
      {
        numRuns: 1000,
        examples: [
          ['\u{1f600}', '\uffee'],
          ['a\u{10000}', 'a\u{10001}'],
        ],
      },
    );
  });
});
