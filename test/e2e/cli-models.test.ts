import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { PUBLIC_MODELS } from '../../shared/model/manifest.ts';
import { SluiceProcess, sluice } from '../support/sluice-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const MODEL = join('examples', 'image-classification', 'model', 'street-scenes.onnx');

type Answer = (send: (chunk: Uint8Array) => void, end: () => void) => void;

/** A mirror that answers each request in this way; gives its address and what was asked for. */
async function mirror(
  context: TestContext,
  answer: Answer,
): Promise<{ env: Readonly<Record<string, string>>; paths: string[] }> {
  const paths: string[] = [];
  const server = createServer((request, response) => {
    paths.push(request.url ?? '');
    answer(
      (chunk) => response.write(chunk),
      () => response.end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { env: { SLUICE_MODELS_URL: `http://127.0.0.1:${port}/mirror` }, paths };
}

/** Every file below the folder, hidden ones as well. */
function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));
}

describe('sluice models list', () => {
  it('when the public models are listed, then all are there with size and licence', async () => {
    const { code, stdout } = await sluice(['models', 'list']);
    assert.equal(code, 0);
    const lines = stdout.trimEnd().split('\n');
    assert.match(lines[0] ?? '', /^NAME +WHAT +SIZE +LICENCE$/);
    assert.equal(lines.length, PUBLIC_MODELS.length + 1);
    for (const name of ['resnet18', 'resnet50', 'resnet101', 'mobilenetv2']) {
      assert.ok(lines.some((line) => new RegExp(`^${name} .* MiB .*Apache-2\\.0$`).test(line)));
    }
  });

  it('when JSON is asked for, then it has the checksums', async () => {
    const { stdout } = await sluice(['models', 'list', '--json']);
    const models = JSON.parse(stdout) as { name: string; sha256: string; bytes: number }[];
    assert.equal(models.length, PUBLIC_MODELS.length);
    assert.ok(models.every(({ sha256, bytes }) => /^[0-9a-f]{64}$/.test(sha256) && bytes > 1e6));
  });
});

describe('sluice models inspect', () => {
  it('when a model is inspected, then inputs, outputs and a model.yaml are shown', async () => {
    const { code, stdout, stderr } = await sluice(['models', 'inspect', MODEL]);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /street-scenes\.onnx: .*iB, opset \d+, by \S+/);
    assert.match(stdout, /^sha256 [0-9a-f]{64}$/m);
    assert.match(stdout, /^input +\S+ +f32 +.*96.*96/m);
    assert.match(stdout, /^output +\S+ +f32 +.*10/m);
    assert.match(stdout, /^ *preprocessing:/m);
  });

  it('when JSON is asked for, then it says the same', async () => {
    const { stdout } = await sluice(['models', 'inspect', MODEL, '--json']);
    const { uri, inputs, outputs, problem } = JSON.parse(stdout);
    assert.match(uri, /^file:\/\/\/.*street-scenes\.onnx$/);
    assert.deepEqual([inputs.length, outputs.length, problem], [1, 1, null]);
  });
});

describe('sluice models pull', () => {
  const expected = PUBLIC_MODELS.find(({ name }) => name === 'mobilenetv2-int8');
  assert.ok(expected !== undefined);

  for (const [what, bytes] of [
    ['another file of the same length', expected.bytes],
    ['a short page with an apology', 200],
  ] as const) {
    it(`when the mirror has ${what}, then it is refused and nothing stays behind`, async (t) => {
      const folder = temporaryFolder(t);
      const { env, paths } = await mirror(t, (send, end) => {
        send(new Uint8Array(bytes));
        end();
      });
      const { code, stdout, stderr } = await sluice(
        ['models', 'pull', expected.name, '--to', folder],
        { env },
      );
      assert.equal(code, 1, stderr);
      assert.match(stderr, /^error MODEL_CHECKSUM: .*is not the expected file/);
      assert.match(stderr, /try: Nothing was written/);
      assert.equal(stdout, '');
      assert.deepEqual(paths, [`/mirror/${expected.path}`]);
      assert.deepEqual(filesBelow(folder), []);
    });
  }

  it('when the file is longer than it should be, then the rest is not fetched', async (t) => {
    const folder = temporaryFolder(t);
    const { env } = await mirror(t, (send) => {
      send(new Uint8Array(expected.bytes + 1));
    });
    const { code, stderr } = await sluice(['models', 'pull', expected.name, '--to', folder], {
      env,
      timeoutMs: 30_000,
    });
    assert.equal(code, 1, stderr);
    assert.match(stderr, /^error \w+: /);
    assert.deepEqual(filesBelow(folder), []);
  });

  it('when it is interrupted, then nothing stays behind', async (t) => {
    const folder = temporaryFolder(t);
    const { env, paths } = await mirror(t, (send) => send(new Uint8Array(100_000)));
    const pull = new SluiceProcess(['models', 'pull', expected.name, '--to', folder], { env });
    while (paths.length === 0) await new Promise((resolve) => setImmediate(resolve));
    pull.child.kill('SIGINT');
    const { code, stderr } = await pull.ended;
    assert.equal(code, 130, stderr);
    assert.doesNotMatch(stderr, /\n\s+at /);
    assert.deepEqual(filesBelow(folder), []);
  });
});
