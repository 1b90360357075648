import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { crc32 } from 'node:zlib';
import { Faults } from '../../support/s3/faults.ts';
import { S3Server } from '../../support/s3/s3-server.ts';

/** What the contract does not reach through the adapter: other clients speak to this server too. */
describe('the tests’ S3 server', () => {
  let server: S3Server;
  beforeEach(async () => {
    server = await S3Server.start({ buckets: ['bucket'] });
  });
  afterEach(() => server.close());

  const put = (body: string, headers: Record<string, string>): Promise<Response> =>
    fetch(`${server.endpoint}/bucket/x`, { method: 'PUT', body, headers });

  it('when a body is aws-chunked with a trailing checksum, then it is decoded and checked', async () => {
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(crc32('hello world'));
    const chunks = '6;chunk-signature=00\r\nhello \r\n5;chunk-signature=00\r\nworld\r\n0\r\n';
    const headers = {
      'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
      'x-amz-decoded-content-length': '11',
    };
    const good = `${chunks}x-amz-checksum-crc32:${sum.toString('base64')}\r\n\r\n`;
    assert.equal((await put(good, headers)).status, 200);
    assert.equal(server.bucket('bucket').get('x').bytes.toString(), 'hello world');
    const bad = await put(`${chunks}x-amz-checksum-crc32:AAAAAA==\r\n\r\n`, headers);
    assert.equal(bad.status, 400);
    assert.match(await bad.text(), /<Code>BadDigest<\/Code>/);
    const short = await put(chunks.slice(0, 30), headers);
    assert.match(await short.text(), /<Code>IncompleteBody<\/Code>/);
  });

  it('when a listing has a delimiter, then folders come once, across pages', async () => {
    for (const key of ['a/1', 'a/2', 'b', 'c/1', 'c/2', 'd']) {
      server.bucket('bucket').put(key, Buffer.alloc(0));
    }
    const seen: string[] = [];
    for (let token = ''; ; ) {
      const continuation = token === '' ? '' : `&continuation-token=${encodeURIComponent(token)}`;
      const url = `${server.endpoint}/bucket?list-type=2&delimiter=/&max-keys=1${continuation}`;
      const xml = await (await fetch(url)).text();
      seen.push(...[...xml.matchAll(/<(?:Key|Prefix)>([^<]+)</g)].map(([, name]) => name ?? ''));
      token = /<NextContinuationToken>(.*?)</.exec(xml)?.[1]?.replaceAll('&#61;', '=') ?? '';
      if (token === '') break;
    }
    assert.deepEqual(seen, ['a/', 'b', 'c/', 'd']);
  });

  it('when an upload’s parts are too small or wrong, then it is refused, and stays', async () => {
    const url = `${server.endpoint}/bucket/big`;
    const created = await (await fetch(`${url}?uploads`, { method: 'POST' })).text();
    const id = /<UploadId>(.*?)</.exec(created)?.[1] ?? '';
    const etags: string[] = [];
    for (const part of [1, 2]) {
      const query = `?partNumber=${part}&uploadId=${id}`;
      const answer = await fetch(url + query, { method: 'PUT', body: `part ${part}` });
      etags.push(answer.headers.get('etag') ?? '');
    }
    const complete = async (parts: [number, string | undefined][]): Promise<string> => {
      const listed = parts.map(
        ([n, etag]) => `<Part><PartNumber>${n}</PartNumber><ETag>${etag}</ETag></Part>`,
      );
      const body = `<CompleteMultipartUpload>${listed.join('')}</CompleteMultipartUpload>`;
      const text = await (await fetch(`${url}?uploadId=${id}`, { method: 'POST', body })).text();
      return /<Code>(.*?)</.exec(text)?.[1] ?? 'completed';
    };
    assert.equal(
      await complete([
        [1, etags[0]],
        [2, etags[1]],
      ]),
      'EntityTooSmall',
    );
    assert.equal(
      await complete([
        [2, etags[1]],
        [1, etags[0]],
      ]),
      'InvalidPartOrder',
    );
    assert.equal(await complete([[1, etags[1]]]), 'InvalidPart');
    const listed = await (await fetch(`${server.endpoint}/bucket?uploads`)).text();
    assert.match(listed, new RegExp(id));
    assert.equal(await complete([[2, etags[1]]]), 'completed');
    assert.equal(await complete([[2, etags[1]]]), 'NoSuchUpload');
  });

  it('when a complete is conditional and the key exists, then 412', async () => {
    const upload = server.bucket('bucket').createUpload('x', new Map());
    server.bucket('bucket').put('x', Buffer.alloc(1));
    const headers = { 'if-none-match': '*' };
    const url = `${server.endpoint}/bucket/x?uploadId=${upload.id}`;
    assert.equal((await fetch(url, { method: 'POST', headers })).status, 412);
  });

  it('when the seed is the same, then so are the faults', () => {
    const draw = (seed: number): string => {
      const faults = new Faults(seed, [
        { kind: 'slow-down', operation: 'GetObject', rate: 0.3, count: 20 },
        { kind: 'reset', key: 'odd', skip: 2, count: 1 },
      ]);
      const decisions = Array.from({ length: 100 }, (_, index) =>
        faults.decide('GetObject', index % 2 === 1 ? 'odd' : 'even'),
      );
      return decisions.map((rule) => rule?.kind[0] ?? '.').join('');
    };
    assert.equal(draw(7), draw(7));
    assert.notEqual(draw(7), draw(8));
    assert.equal(draw(7).replaceAll(/[^r]/g, '').length, 1);
    assert.equal(draw(7).replaceAll(/[^s]/g, '').length, 20);
  });

  it('when it runs as a process, then it says where it listens and ends when told', async () => {
    const arguments_ = ['test/support/s3/main.ts', '--bucket', 'photos'];
    const child = spawn(process.execPath, arguments_, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const endpoint = /^ready (http:\S+)/.exec(line.toString())?.[1] ?? '';
    const listing = await fetch(`${endpoint}/photos?list-type=2`);
    assert.match(await listing.text(), /<KeyCount>0</);
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'exit'), [0, null]);
  });
});
