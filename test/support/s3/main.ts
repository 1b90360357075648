/**
 * The tests' S3 server as a process of its own, for demonstrations and end-to-end tests:
 * `node test/support/s3/main.ts --port 9000 --bucket photos --faults '[{"kind":"slow-down","rate":0.1}]'`.
 * Prints `ready http://127.0.0.1:9000` when it listens; forgets everything when it ends.
 */
import { parseArgs } from 'node:util';
import type { FaultRule } from './faults.ts';
import { S3Server } from './s3-server.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    bucket: { type: 'string', multiple: true, default: ['sluice'] },
    faults: { type: 'string', default: '[]' },
    seed: { type: 'string', default: '1' },
  },
});

const server = await S3Server.start({
  port: Number(values.port),
  buckets: values.bucket,
  faults: JSON.parse(values.faults) as FaultRule[],
  seed: Number(values.seed),
});
console.log(`ready ${server.endpoint}`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void server.close();
  });
}
