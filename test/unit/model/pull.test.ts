import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import { FileSystemRegistry } from '../../../shared/filesystem/filesystem-registry.ts';
import { PUBLIC_MODELS, type PublicModel } from '../../../shared/model/manifest.ts';
import { pullModel } from '../../../shared/model/pull.ts';
import { resolveModel } from '../../../shared/model/resolve-model.ts';
import { systemClock } from '../../../shared/time/system-clock.ts';
import { PIXEL_MODEL, pixelModel } from '../../support/onnx-file.ts';

const fileSystems = new FileSystemRegistry({}, { clock: systemClock });
const file = pixelModel();
const synsets = Array.from(
  { length: PIXEL_MODEL.classes },
  (_, index) => `n0144076${index} thing ${index}\n`,
).join('');

const entry: PublicModel = {
  name: 'pixel',
  title: 'Pixels',
  path: 'zoo/pixel-1.onnx',
  bytes: file.length,
  sha256: createHash('sha256').update(file).digest('hex'),
  license: 'Apache-2.0',
  preprocessing: { resize: 5, color: 'RGB', scale: 1, mean: [0, 0, 0], std: [1, 1, 1] },
  labels: { path: 'zoo/synset.txt', count: PIXEL_MODEL.classes },
};

/** Serves these paths; a function answers by itself. */
async function serve(
  context: TestContext,
  files: Readonly<Record<string, Uint8Array | string>>,
): Promise<{ baseUrl: string; requests: string[] }> {
  const requests: string[] = [];
  const server: Server = createServer((request, response) => {
    const path = (request.url ?? '').slice(1);
    requests.push(path);
    const content = files[path];
    response.statusCode = content === undefined ? 404 : 200;
    response.end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { baseUrl: `http://127.0.0.1:${port}`, requests };
}

let lastDirectory = 0;
function options(baseUrl: string) {
  lastDirectory += 1;
  const directory = `memory://pulled/${lastDirectory}`;
  const common = { name: 'pixel', directory, fileSystems, clock: systemClock, models: [entry] };
  return { ...common, baseUrl };
}

test('when a model is pulled, then it is ready to use, and pulling again fetches no model', async (t) => {
  const { baseUrl, requests } = await serve(t, {
    'zoo/pixel-1.onnx': file,
    'zoo/synset.txt': synsets,
  });
  const request = options(baseUrl);
  let reported = 0;
  const pulled = await pullModel({
    ...request,
    onProgress: ({ bytes }) => {
      reported = bytes;
    },
  });
  assert.equal(reported, file.length);
  assert.equal(pulled.isPresent, false);
  const { model, warnings } = await resolveModel({
    onnx: { model: pulled.modelYamlUri },
    fileSystems,
  });
  assert.deepEqual(warnings, []);
  assert.deepEqual(model, pulled.model);
  assert.equal(model.name, 'pixel');
  assert.equal(model.labels?.[3], 'thing 3');
  assert.equal((await pullModel(request)).isPresent, true);
  assert.equal(requests.filter((path) => path.endsWith('.onnx')).length, 1);
});

const wrong: readonly {
  name: string;
  files: Readonly<Record<string, Uint8Array | string>>;
  code: string;
}[] = [
  {
    name: 'has other bytes',
    files: { 'zoo/pixel-1.onnx': file.map((byte) => byte ^ 1) },
    code: 'MODEL_CHECKSUM',
  },
  {
    name: 'is cut short',
    files: { 'zoo/pixel-1.onnx': file.subarray(1) },
    code: 'MODEL_CHECKSUM',
  },
  {
    name: 'is longer',
    files: { 'zoo/pixel-1.onnx': new Uint8Array(file.length + 1) },
    code: 'OBJECT_TOO_LARGE',
  },
  { name: 'is not there', files: {}, code: 'FILE_NOT_FOUND' },
  {
    name: 'has no such labels',
    files: { 'zoo/pixel-1.onnx': file, 'zoo/synset.txt': '<html>\n'.repeat(10) },
    code: 'LABELS_MISMATCH',
  },
];

for (const { name, files, code } of wrong) {
  test(`when what the server has ${name}, then it is ${code} and no model.yaml appears`, async (t) => {
    const { baseUrl } = await serve(t, files);
    const request = options(baseUrl);
    await assert.rejects(pullModel(request), hasCode(code));
    const uri = `${request.directory}/pixel/model.yaml`;
    assert.equal(await fileSystems.forUri(uri).stat(uri), null);
    if (code !== 'LABELS_MISMATCH') {
      const model = `${request.directory}/pixel/pixel-1.onnx`;
      assert.equal(await fileSystems.forUri(model).stat(model), null);
    }
  });
}

test('when nobody listens, then it is NETWORK_UNREACHABLE and a mirror is suggested', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const request = options(`http://127.0.0.1:${port}`);
  await assert.rejects(pullModel(request), (error: unknown) => {
    assert.ok(error instanceof SluiceError);
    assert.equal(error.code, 'NETWORK_UNREACHABLE');
    assert.match(error.message, /ECONNREFUSED/);
    assert.match(error.hint ?? '', /SLUICE_MODELS_URL/);
    return true;
  });
});

test('when it is cancelled, then it is CANCELLED', async (t) => {
  const { baseUrl } = await serve(t, { 'zoo/pixel-1.onnx': file });
  const request = { ...options(baseUrl), signal: AbortSignal.abort() };
  await assert.rejects(pullModel(request), hasCode('CANCELLED'));
});

test('when the name is unknown, then the nearest and all names are told', async () => {
  const request = { ...options('http://127.0.0.1:9'), name: 'resnet5', models: PUBLIC_MODELS };
  await assert.rejects(pullModel(request), (error: unknown) => {
    assert.ok(error instanceof SluiceError);
    assert.equal(error.code, 'ARGUMENT_INVALID');
    assert.match(error.hint ?? '', /Did you mean "resnet50"\?.*mobilenetv2.*resnet101/);
    return true;
  });
});

test('the manifest names each model once, with a whole checksum', () => {
  const names = PUBLIC_MODELS.map((model) => model.name);
  assert.equal(new Set(names).size, names.length);
  assert.equal(new Set(PUBLIC_MODELS.map((model) => model.sha256)).size, names.length);
  for (const model of PUBLIC_MODELS) assert.match(model.sha256, /^[0-9a-f]{64}$/);
  for (const wanted of ['mobilenetv2', 'resnet18', 'resnet50', 'resnet101']) {
    assert.ok(names.includes(wanted), wanted);
  }
});

function hasCode(code: string) {
  return (error: unknown) => {
    assert.ok(error instanceof SluiceError, String(error));
    assert.equal(error.code, code, error.message);
    return true;
  };
}
