import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collectParameter } from '../../../cli/parameters.ts';
import { resolvePathParameters } from '../../../cli/path-parameters.ts';

const PIPELINE = {
  fileName: 'pipeline.yaml',
  text: [
    'parameters:',
    '  images: { type: path, default: ./images }',
    '  label: traffic light',
    '  output: { type: path }',
  ].join('\n'),
};

test('when a parameter is a path, then it is relative to where the command runs', () => {
  const values = { images: 'photos', output: '../out', label: 'stop', unknown: 'x' };
  assert.deepEqual(resolvePathParameters(PIPELINE, values, '/home/me'), {
    images: '/home/me/photos',
    output: '/home/out',
    label: 'stop',
    unknown: 'x',
  });
});

for (const value of ['/data/photos', 's3://bucket/photos', 'file:///data', '']) {
  test(`when a path is given as "${value}", then it stays as it is`, () => {
    assert.deepEqual(resolvePathParameters(PIPELINE, { images: value }, '/home/me'), {
      images: value,
    });
  });
}

test('when the file cannot be parsed, then the compiler is to say why', () => {
  const broken = { fileName: 'broken.yaml', text: 'parameters: [' };
  assert.deepEqual(resolvePathParameters(broken, { images: 'a' }, '/'), { images: 'a' });
});

test('when values contain "=", then only the first one separates', () => {
  const first = collectParameter('where=label == "a"');
  assert.deepEqual(collectParameter('n=1', first), { where: 'label == "a"', n: '1' });
  for (const wrong of ['novalue', '=x']) {
    assert.throws(() => collectParameter(wrong), /--set takes name=value/);
  }
});
