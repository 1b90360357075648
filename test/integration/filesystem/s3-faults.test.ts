import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { inspect } from 'node:util';
import type { PendingFile } from '../../../shared/filesystem/filesystem.ts';
import type { S3Options } from '../../../shared/filesystem/filesystem-options.ts';
import { S3FileSystem } from '../../../shared/filesystem/s3-filesystem.ts';
import { systemClock } from '../../../shared/time/system-clock.ts';
import { inParallel, listAll, pattern, rejectsWith } from '../../support/filesystem-helpers.ts';
import { FAULT_KINDS } from '../../support/s3/faults.ts';
import { S3Server, type S3ServerOptions } from '../../support/s3/s3-server.ts';

const KEYS = { accessKeyId: 'AKIATEST', secretAccessKey: 'very-secret-key' };
const URI = 's3://bucket/folder/x';

// Only the keys given in the options may be found, whatever the machine has.
process.env['AWS_EC2_METADATA_DISABLED'] = 'true';
process.env['AWS_CONFIG_FILE'] = '/dev/null';
process.env['AWS_SHARED_CREDENTIALS_FILE'] = '/dev/null';
for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE', 'AWS_REGION']) {
  delete process.env[name];
}

let server: S3Server;
let opened: S3FileSystem[] = [];

async function start(options: S3ServerOptions = {}): Promise<void> {
  await server?.close();
  server = await S3Server.start({ buckets: ['bucket'], ...options });
}

/** Retries without pauses. */
function open(options: S3Options = {}): S3FileSystem {
  const dependencies = { clock: systemClock, random: () => 0 };
  const fileSystem = new S3FileSystem(
    { endpoint: server.endpoint, ...KEYS, ...options },
    dependencies,
  );
  opened.push(fileSystem);
  return fileSystem;
}

beforeEach(() => start());
afterEach(async () => {
  await Promise.all(opened.map((fileSystem) => fileSystem.close()));
  opened = [];
  await server.close();
});

describe('S3 file system under faults', () => {
  for (const kind of [
    'slow-down',
    'internal-error',
    'reset',
    'lost-response',
    'truncate',
  ] as const) {
    it(`when ${kind} meets a read three times, then the whole file comes`, async () => {
      const bytes = pattern(300_000);
      server.bucket('bucket').put('folder/x', Buffer.from(bytes));
      server.faults.add({ kind, operation: 'GetObject', count: 3 });
      const content = await open().read(URI);
      assert.ok(Buffer.from(content.bytes.buffer).equals(bytes));
      assert.equal(server.requests.get('GetObject'), 4);
    });
  }

  it('when every body is cut, then no file is delivered', async () => {
    server.bucket('bucket').put('folder/x', Buffer.from(pattern(300_000)));
    server.faults.add({ kind: 'truncate', operation: 'GetObject' });
    await rejectsWith('STORAGE_UNAVAILABLE', open({ retriesMax: 2 }).read(URI));
    await rejectsWith('STORAGE_UNAVAILABLE', open({ retriesMax: 2 }).read(URI, { length: 1000 }));
    assert.equal(server.faults.injected.get('truncate'), 6);
  });

  it('when a listing is cut, then it is asked for again', async () => {
    for (let index = 0; index < 2500; index++)
      server.bucket('bucket').put(`k${index}`, Buffer.alloc(1));
    server.faults.add({ kind: 'truncate', operation: 'ListObjectsV2', rate: 0.5, count: 4 });
    assert.equal((await listAll(open(), 's3://bucket/')).length, 2500);
    assert.ok((server.faults.injected.get('truncate') ?? 0) > 0);
  });

  it('when the server does not answer, then the request is repeated after its time-out', async () => {
    server.bucket('bucket').put('folder/x', Buffer.from('here'));
    server.faults.add({ kind: 'hang', operation: 'GetObject', count: 2 });
    const { bytes } = await open({ requestTimeoutMs: 100 }).read(URI);
    assert.equal(Buffer.from(bytes).toString(), 'here');
    server.faults.add({ kind: 'hang', operation: 'HeadObject' });
    const error = await rejectsWith(
      'STORAGE_UNAVAILABLE',
      open({ requestTimeoutMs: 50, retriesMax: 1 }).stat(URI),
    );
    assert.match(error.message, /did not answer for 50 ms/);
  });

  it('when a body is slow but goes on, then it is read; when it stops, then it is asked for again', async () => {
    const bytes = pattern(80_000);
    server.bucket('bucket').put('folder/x', Buffer.from(bytes));
    server.faults.add({ kind: 'slow-body', operation: 'GetObject', delayMs: 60, count: 1 });
    const slow = await open({ requestTimeoutMs: 400 }).read(URI);
    assert.ok(Buffer.from(slow.bytes.buffer).equals(bytes));
    assert.equal(server.requests.get('GetObject'), 1);
    server.faults.add({ kind: 'slow-body', operation: 'GetObject', delayMs: 2_000, count: 1 });
    const stopped = await open({ requestTimeoutMs: 100 }).read(URI);
    assert.ok(Buffer.from(stopped.bytes.buffer).equals(bytes));
    assert.equal(server.requests.get('GetObject'), 3);
  });

  it('when a put has a deadline, then it gives up by then and says what was wrong last', async () => {
    const fileSystem = open();
    await fileSystem.put(URI, pattern(10));
    server.faults.add({ kind: 'internal-error', operation: 'PutObject' });
    const late = fileSystem.put(URI, pattern(20), { deadlineMs: 300 });
    const error = await rejectsWith('STORAGE_UNAVAILABLE', late);
    assert.match(error.message, /did not do it within 300 ms/u);
    server.faults.clear();
    await fileSystem.put(URI, pattern(30), { deadlineMs: 60_000 });
    const options = { deadlineMs: 60_000, signal: AbortSignal.abort() };
    await rejectsWith('CANCELLED', fileSystem.put(URI, pattern(40), options));
  });

  it('when a file is too large, then its body is not awaited', async () => {
    server.bucket('bucket').put('folder/x', Buffer.alloc(1_000_000));
    server.faults.add({ kind: 'slow-body', operation: 'GetObject', delayMs: 60_000 });
    await rejectsWith(
      'OBJECT_TOO_LARGE',
      open({ requestTimeoutMs: 2_000 }).read(URI, { sizeMax: 1000 }),
    );
    assert.equal(server.requests.get('GetObject'), 1);
  });

  it('when a create-if-absent loses its answer, then the repeated one knows its own work', async () => {
    server.faults.add({ kind: 'lost-response', operation: 'PutObject', count: 2 });
    const { etag } = await open().put(URI, Buffer.from('mine'), { ifAbsent: true });
    assert.equal(etag, server.bucket('bucket').get('folder/x').etag);
    assert.equal(server.requests.get('PutObject'), 3);
  });

  it('when a compare-and-swap loses its answer, then the repeated one knows its own work', async () => {
    const first = await open().put(URI, Buffer.from('one'));
    server.faults.add({ kind: 'lost-response', operation: 'PutObject', count: 1 });
    const second = await open().put(URI, Buffer.from('two'), { ifMatch: first.etag });
    assert.equal(second.etag, server.bucket('bucket').get('folder/x').etag);
  });

  it('when a create-if-absent is repeated and somebody else was first, then it is refused', async () => {
    await open().put(URI, Buffer.from('theirs'), { ifAbsent: true });
    server.faults.add({ kind: 'reset', operation: 'PutObject', count: 1 });
    await rejectsWith(
      'PRECONDITION_FAILED',
      open().put(URI, Buffer.from('theirs'), { ifAbsent: true }),
    );
  });

  for (const operation of [
    'CreateMultipartUpload',
    'UploadPart',
    'CompleteMultipartUpload',
    'HeadObject',
  ]) {
    it(`when ${operation} loses its answer, then the file is committed all the same`, async () => {
      const bytes = pattern(9 * 1024 * 1024);
      server.faults.add({ kind: 'lost-response', operation, count: 2 });
      const fileSystem = open();
      const writer = await fileSystem.openWriter(URI);
      await writer.write(bytes);
      const pending = await writer.closeForCommit();
      assert.equal(server.bucket('bucket').find('folder/x'), undefined);
      await fileSystem.commit(pending);
      await fileSystem.commit(pending);
      assert.ok(server.bucket('bucket').get('folder/x').bytes.equals(bytes));
    });
  }

  it('when a delete or an abort loses its answer, then it resolves', async () => {
    server.bucket('bucket').put('folder/x', Buffer.alloc(1));
    server.faults.add({ kind: 'lost-response', operation: 'DeleteObject', count: 1 });
    server.faults.add({ kind: 'lost-response', operation: 'AbortMultipartUpload', count: 1 });
    await open().delete(URI);
    const writer = await open().openWriter(URI);
    await writer.abort();
    assert.equal(server.bucket('bucket').uploads.size, 0);
    assert.equal(server.bucket('bucket').find('folder/x'), undefined);
  });

  it('when a third of all requests fails somehow, then all work is done, and right', async () => {
    await start({ seed: 20_260_101 });
    const kinds = FAULT_KINDS.filter((kind) => kind !== 'hang' && kind !== 'slow-body');
    for (const kind of kinds) server.faults.add({ kind, rate: 0.08 });
    const fileSystem = open({ retriesMax: 30 });
    const numbers = Array.from({ length: 150 }, (_, index) => index);
    const bytesOf = (n: number): Buffer => Buffer.from(pattern(n * 500));
    await inParallel(numbers, 16, async (n) => {
      const uri = `s3://bucket/storm/${n}`;
      if (n % 3 === 0) await fileSystem.put(uri, bytesOf(n), { ifAbsent: true });
      else if (n % 3 === 1) await fileSystem.put(uri, bytesOf(n));
      else {
        const writer = await fileSystem.openWriter(uri);
        await writer.write(bytesOf(n));
        await fileSystem.commit(await writer.closeForCommit());
      }
      const { bytes, status } = await fileSystem.read(uri);
      assert.ok(bytesOf(n).equals(bytes));
      assert.equal(status.etag, (await fileSystem.stat(uri))?.etag);
    });
    assert.equal((await listAll(fileSystem, 's3://bucket/storm', 20)).length, 150);
    for (const kind of kinds) assert.ok((server.faults.injected.get(kind) ?? 0) > 5, kind);
  });
});

describe('S3 file system, pending files and commits', () => {
  const write = async (content: string): Promise<PendingFile> => {
    const writer = await open().openWriter(URI);
    await writer.write(Buffer.from(content));
    return writer.closeForCommit();
  };

  it('when more uploads have one key than a page holds, then every one is found once', async () => {
    for (let index = 0; index < 5; index++) await write(`${index}`);
    const found = new Set<string>();
    let next: string | null = null;
    do {
      const after: { after?: string } = next === null ? {} : { after: next };
      const page = await open().listPending('s3://bucket/folder', { limit: 2, ...after });
      for (const { handle } of page.files) found.add(handle);
      next = page.next;
    } while (next !== null);
    assert.equal(found.size, 5);
  });

  it('when the process died between the completion and its answer, then the next commit resolves', async () => {
    const pending = await write('ours');
    server.faults.add({ kind: 'lost-response', operation: 'CompleteMultipartUpload', count: 1 });
    await rejectsWith('STORAGE_UNAVAILABLE', open({ retriesMax: 0 }).commit(pending));
    assert.equal(server.bucket('bucket').get('folder/x').bytes.toString(), 'ours');
    await open().commit(JSON.parse(JSON.stringify(pending)) as PendingFile);
    assert.equal(server.bucket('bucket').get('folder/x').bytes.toString(), 'ours');
  });

  it('when an older object of that name is there and the upload is gone, then it is not ours', async () => {
    const older = await write('same');
    const pending = await write('same');
    await open().commit(older);
    await open().abort(pending);
    await rejectsWith('STORAGE_NOT_FOUND', open().commit(pending));
    await open().commit(older);
  });

  it('when uploads may not be listed, then the hint names the right', async () => {
    await start({ denies: (operation) => operation === 'ListMultipartUploads' });
    const listing = open().listPending('s3://bucket/folder');
    const error = await rejectsWith('STORAGE_DENIED', listing);
    assert.match(error.hint ?? '', /s3:ListBucketMultipartUploads/);
  });
});

describe('S3 file system, what it says', () => {
  it('when there is no such bucket, then the message names it', async () => {
    const calls = [
      () => open().list('s3://no-such/x'),
      () => open().read('s3://no-such/x'),
      () => open().put('s3://no-such/x', pattern(1)),
      () => open().openWriter('s3://no-such/x'),
    ];
    for (const call of calls) {
      const error = await rejectsWith('STORAGE_NOT_FOUND', call());
      assert.equal(error.message, `There is no bucket "no-such" at ${server.endpoint}.`);
      assert.match(error.hint ?? '', /create the bucket/);
    }
  });

  it('when there are no credentials, then the message says where to set them', async () => {
    const bare = new S3FileSystem(
      { endpoint: server.endpoint },
      { clock: systemClock, random: () => 0 },
    );
    opened.push(bare);
    const error = await rejectsWith('STORAGE_CREDENTIALS', bare.list('s3://bucket/'));
    assert.equal(error.message, `No credentials for ${server.endpoint}.`);
    assert.match(error.hint ?? '', /AWS_ACCESS_KEY_ID/);
  });

  it('when the access key is unknown, then STORAGE_CREDENTIALS', async () => {
    await start({ accessKeyId: 'ANOTHER' });
    const error = await rejectsWith('STORAGE_CREDENTIALS', open().list('s3://bucket/'));
    assert.match(error.message, /refuses the credentials \(InvalidAccessKeyId\)/);
  });

  it('when access is denied, then the hint names the permission', async () => {
    await start({ denies: (operation) => operation !== 'ListObjectsV2' });
    const read = await rejectsWith('STORAGE_DENIED', open().read(URI));
    assert.match(read.message, /denies GetObject for s3:\/\/bucket\/folder\/x/);
    assert.match(read.hint ?? '', /s3:GetObject/);
    assert.match(
      (await rejectsWith('STORAGE_DENIED', open().stat(URI))).hint ?? '',
      /s3:GetObject/,
    );
    const put = await rejectsWith('STORAGE_DENIED', open().put(URI, pattern(1)));
    assert.match(put.hint ?? '', /s3:PutObject/);
  });

  it('when nobody listens at the endpoint, then the message says so', async () => {
    const fileSystem = open({ endpoint: 'http://127.0.0.1:9', retriesMax: 1 });
    const error = await rejectsWith('STORAGE_UNAVAILABLE', fileSystem.list('s3://bucket/'));
    assert.equal(error.message, 'http://127.0.0.1:9 cannot be reached (ECONNREFUSED).');
    assert.equal(error.retry, 'backoff');
  });

  it('when the endpoint is no S3 server, then the message says so', async () => {
    const web = createServer((_, response) => response.end('<!doctype html><p>Welcome'));
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
    try {
      const listing = open({ endpoint }).list('s3://bucket/');
      const error = await rejectsWith('STORAGE_UNAVAILABLE', listing);
      assert.match(error.hint ?? '', /Is http.* an S3 endpoint/);
    } finally {
      web.closeAllConnections();
      web.close();
    }
  });

  it('when the options are wrong, then ARGUMENT_INVALID, without the password', () => {
    const wrong: [S3Options, RegExp][] = [
      [{ endpoint: 'localhost:9000' }, /no http/],
      [{ endpoint: 'http://me:hunter2@host' }, /carries a user name/],
      [{ accessKeyId: 'x' }, /belong together/],
    ];
    for (const [options, message] of wrong) {
      const make = (): S3FileSystem =>
        new S3FileSystem(options, { clock: systemClock, random: () => 0 });
      assert.throws(
        make,
        (error: Error) => message.test(error.message) && !/hunter2/.test(error.message),
      );
    }
  });

  it('when something fails, then neither the error nor the adapter shows a secret', async () => {
    await start({ denies: () => true });
    const fileSystem = open();
    const error = await rejectsWith('STORAGE_DENIED', fileSystem.put(URI, pattern(1)));
    const shown = inspect({ error, fileSystem }, { depth: 20, showHidden: true });
    assert.doesNotMatch(shown, /very-secret-key|authorization|AKIATEST/i);
    assert.equal(JSON.stringify(fileSystem), '{"scheme":"s3"}');
  });
});

describe('S3 file system, cancellation', () => {
  it('when a read is cancelled half-way, then it rejects at once', async () => {
    server.bucket('bucket').put('folder/x', Buffer.alloc(1_000_000));
    server.faults.add({ kind: 'slow-body', operation: 'GetObject', delayMs: 60_000 });
    const controller = new AbortController();
    const reading = open().read(URI, { signal: controller.signal });
    while (server.requests.get('GetObject') === undefined) await new Promise(setImmediate);
    controller.abort();
    await rejectsWith('CANCELLED', reading);
  });

  it('when the file system is closed, then what is in flight is cancelled', async () => {
    server.faults.add({ kind: 'hang' });
    const fileSystem = open();
    const calls = [fileSystem.read(URI), fileSystem.put(URI, pattern(1)), fileSystem.stat(URI)];
    const rejections = calls.map((call) => rejectsWith('CANCELLED', call));
    while (server.requests.size < 3) await new Promise(setImmediate);
    await fileSystem.close();
    await Promise.all(rejections);
    await rejectsWith('CANCELLED', fileSystem.stat(URI));
  });
});
