import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maskedOptions } from '../../../jobmanager/rest/masked-options.ts';

test('when options hold what opens doors, then it is masked, and nothing else is', () => {
  const options = {
    host: '127.0.0.1',
    tokensFile: '/etc/sluice/tokens',
    storage: null,
    token: 'hush',
    fileSystemOptions: {
      s3: {
        endpoint: 'http://me:hush@127.0.0.1:9000',
        accessKeyId: 'hush',
        secretAccessKey: 'hush',
        retriesMax: 5,
      },
    },
    addresses: ['https://hush@a:1', 'b:2'],
    unset: undefined,
  };
  assert.deepEqual(maskedOptions(options), {
    host: '127.0.0.1',
    tokensFile: '/etc/sluice/tokens',
    storage: null,
    token: '[secret]',
    fileSystemOptions: {
      s3: {
        endpoint: 'http://[secret]@127.0.0.1:9000',
        accessKeyId: '[secret]',
        secretAccessKey: '[secret]',
        retriesMax: 5,
      },
    },
    addresses: ['https://[secret]@a:1', 'b:2'],
    unset: null,
  });
});
