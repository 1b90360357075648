import { after, before } from 'node:test';
import { S3Server } from '../support/s3/s3-server.ts';
import { s3Scenarios } from '../support/s3-scenarios.ts';

let server: S3Server;

before(async () => {
  server = await S3Server.start({ buckets: ['sluice'] });
});

after(() => server.close());

s3Scenarios("the tests' S3 server", () => ({
  s3: { endpoint: server.endpoint, accessKeyId: 'test', secretAccessKey: 'test-secret' },
  bucket: 'sluice',
}));
