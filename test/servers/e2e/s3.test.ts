import { after, before } from 'node:test';
import { RealS3Server } from '../../support/s3/real-server.ts';
import { s3Scenarios } from '../../support/s3-scenarios.ts';

let server: RealS3Server;

before(async () => {
  server = await RealS3Server.start({ buckets: ['sluice'] });
});

after(() => server.close());

s3Scenarios('a real S3 server', () => ({ s3: server, bucket: 'sluice' }));
