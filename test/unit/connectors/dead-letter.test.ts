import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import { deadLetterValue } from '../../../taskmanager/operators/dead-letter.ts';
import { recordOf } from './fake-operator-context.ts';

test('when a record is rejected, then its dead letter says which, where, why and what to do', () => {
  const error = new SluiceError('IMAGE_TOO_LARGE', 'too many pixels.', {
    domain: 'user',
    hint: 'Raise `pixelsMax`.',
  });
  const record = recordOf({}, { uri: 's3://b/a.jpg', etag: 'e' });
  const value = deadLetterValue(record, error, 'tensors', 'image-tensor', 0);
  assert.equal(
    JSON.stringify(value),
    '{"uri":"s3://b/a.jpg","etag":"e","node":"tensors","stage":"image-tensor",' +
      '"code":"IMAGE_TOO_LARGE","message":"too many pixels. Raise `pixelsMax`.",' +
      '"at":"1970-01-01T00:00:00.000Z"}',
  );
});

test('when the record comes from no object, then uri and etag are null', () => {
  const error = new SluiceError('RECORD_INVALID', 'no', { domain: 'user' });
  const value = deadLetterValue(recordOf({}), error, 'n', 's', 0);
  assert.deepEqual([value['uri'], value['etag'], value['message']], [null, null, 'no']);
});
