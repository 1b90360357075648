import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listenError } from '../../../shared/rpc/listen-error.ts';

const TARGET = { listener: 'REST', host: '127.0.0.1', port: 8081, portOption: '--rest-port' };

const CASES = [
  ['listen EADDRINUSE: address already in use', 'PORT_IN_USE', /port 8081 on 127.0.0.1 is in use/u],
  ['No address added; errors: [listen EADDRINUSE]', 'PORT_IN_USE', /is in use \(REST\)/u],
  ['listen EACCES: permission denied', 'ARGUMENT_INVALID', /may not listen on port 8081/u],
  ['listen EADDRNOTAVAIL', 'ARGUMENT_INVALID', /not an address of this machine/u],
  ['getaddrinfo ENOTFOUND x', 'ARGUMENT_INVALID', /not an address of this machine/u],
  ['Name resolution failed for target dns:x', 'ARGUMENT_INVALID', /not an address of this/u],
  ['something else', 'NETWORK_UNREACHABLE', /cannot listen on 127.0.0.1:8081/u],
] as const;

for (const [message, code, expected] of CASES) {
  test(`when a listener fails with "${message}", then the error is ${code}`, () => {
    const error = listenError(new Error(message), TARGET);
    assert.equal(error.code, code);
    assert.match(error.message, expected);
  });
}
