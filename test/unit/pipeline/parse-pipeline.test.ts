import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parsePipeline, readParameters } from '../../../shared/pipeline/parse-pipeline.ts';
import { PIPELINE_BYTES_MAX } from '../../../shared/pipeline/parse-yaml.ts';

const parse = (text: string, values: Readonly<Record<string, string>> = {}) =>
  parsePipeline({ text, fileName: 'pipeline.yaml', baseDirectory: '/work/pipelines', values });

const specOf = (text: string, values: Readonly<Record<string, string>> = {}) => {
  const result = parse(text, values);
  assert.ok(result.ok, JSON.stringify(result.ok || result.problems.map(({ message }) => message)));
  return result.pipeline.spec;
};

const messagesOf = (text: string) => {
  const result = parse(text);
  return result.ok ? [] : result.problems.map(({ code, message }) => `${code} ${message}`);
};

const PIPELINE = `
name: photos
parameters:
  images: { type: path, default: ./images }
  output: { type: path, default: ../out }
  bucket: { type: path, default: s3://bucket/in }
  top: 3
  ordered: { type: boolean, default: false }
  title: photos
nodes:
  images: { source: files, path: "\${images}", watch: 1.5s, bytesMax: 1.5KiB }
  remote: { source: files, path: "\${bucket}", parallelism: 2 }
  tensors: { transform: image-tensor, from: images, ordered: "\${ordered}" }
  classes:
    transform: onnx
    from: [tensors]
    model: model.onnx
    topK: \${top}
    resources: { device: gpu, labels: { zone: a } }
    partition: rebalance
  results: { sink: files, from: classes, path: "\${output}/\${title}-$\${title}", keyBy: [label, model.name], chain: false }
  lines: { sink: print, from: remote }
parallelism: 4
`;

describe('parsePipeline', () => {
  it('when a pipeline is right, then its spec is complete', () => {
    const spec = specOf(PIPELINE);
    assert.equal(spec.name, 'photos');
    assert.equal(spec.parallelism, 4);
    assert.equal(spec.onError, 'dead-letter');
    assert.equal(spec.deadLetters, null);
    const nodes = Object.fromEntries(spec.nodes.map((node) => [node.name, node]));
    assert.deepEqual(nodes['images'], {
      name: 'images',
      category: 'source',
      kind: 'files',
      from: [],
      parallelism: null,
      resources: null,
      partition: null,
      keyBy: [],
      chain: true,
      options: {
        path: '/work/pipelines/images',
        glob: '**',
        watch: 1500,
        overwrites: 'ignore',
        bytesMax: 1536,
        readAhead: 16,
        seenMax: 20_000_000,
      },
    });
    assert.deepEqual(nodes['classes']?.resources, {
      device: 'gpu',
      labels: { zone: 'a' },
      fallback: 'none',
    });
    assert.equal(nodes['classes']?.kind === 'onnx' && nodes['classes'].options.topK, 3);
    assert.equal(
      nodes['remote']?.kind === 'files' && nodes['remote'].options.path,
      's3://bucket/in',
    );
    assert.deepEqual(nodes['results']?.keyBy, ['label', 'model.name']);
    assert.equal(nodes['results']?.chain, false);
    assert.equal(
      nodes['results']?.kind === 'files' && nodes['results'].options.path,
      '/work/out/photos-${title}',
    );
  });

  it('when parameters are set, then text becomes what their type says', () => {
    const spec = specOf(PIPELINE, { top: '7', ordered: 'true', images: '/data', title: '5' });
    const nodes = Object.fromEntries(spec.nodes.map((node) => [node.name, node]));
    assert.equal(nodes['classes']?.kind === 'onnx' && nodes['classes'].options.topK, 7);
    assert.equal(
      nodes['tensors']?.kind === 'image-tensor' && nodes['tensors'].options.ordered,
      true,
    );
    assert.equal(nodes['images']?.kind === 'files' && nodes['images'].options.path, '/data');
  });

  it('when several streams of equal records are joined, then that is a union', () => {
    const spec = specOf(`
name: union
nodes:
  a: { source: files, path: a }
  b: { source: files, path: b }
  both: { transform: filter, from: [a, b], where: bytes > 5 }
  tensors: { transform: image-tensor, from: both, crop: 8 }
  lines: { sink: print, from: tensors }
`);
    assert.deepEqual(spec.nodes[2]?.from, ['a', 'b']);
  });

  it('when a node has a mistake, then the others are still checked', () => {
    const messages = messagesOf(`
name: two
nodes:
  a: { source: files }
  b: { source: datagen, count: 0 }
  c: { sink: print, from: [a, b] }
`);
    assert.deepEqual(messages, [
      'PIPELINE_INVALID "path" is missing',
      'PIPELINE_INVALID "count" must be at least 1, not 0',
    ]);
  });

  it('when names are those that objects are born with, then they mean nothing special', () => {
    const text = `
name: names
nodes:
  constructor: { source: datagen, count: 1 }
  toString: { sink: print, from: constructor }
`;
    assert.deepEqual(
      specOf(text).nodes.map(({ name }) => name),
      ['constructor', 'toString'],
    );
    const kinds = messagesOf(text.replace('print', 'constructor'));
    assert.deepEqual(kinds, ['PIPELINE_INVALID unknown kind of sink "constructor"']);
    const own = messagesOf(text.replace('count: 1', '__proto__: { count: 1 }'));
    assert.deepEqual(own, ['PIPELINE_INVALID unknown option "__proto__" of source "datagen"']);
  });

  it('when a file is larger than the bound, then it is not even parsed', () => {
    const text = `name: x\n# ${'x'.repeat(PIPELINE_BYTES_MAX)}`;
    assert.match(messagesOf(text)[0] ?? '', /^PIPELINE_SYNTAX the file has \d+ bytes; .* 1048576$/);
  });

  it('when nesting has no end, then that is said and the stack survives', () => {
    for (const text of ['['.repeat(50_000), '- '.repeat(50_000), `a: ${'{a: '.repeat(20_000)}`]) {
      const messages = messagesOf(text);
      assert.ok(messages.length > 0);
      assert.ok(messages.every((message) => message.startsWith('PIPELINE_SYNTAX')));
    }
  });

  it('when any text is parsed, then it is refused or read, never thrown at', () => {
    const words = [
      'name: x\n',
      'nodes:\n',
      '  a: ',
      '{',
      '}',
      'source: files',
      ', ',
      'from: a',
      '\n',
    ];
    const piece = fc.oneof(fc.constantFrom(...words), fc.string({ maxLength: 5 }));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const result = parse(pieces.join(''));
        assert.ok(result.ok || result.problems.length > 0);
      }),
      { numRuns: 500 },
    );
  });
});

describe('readParameters', () => {
  it('when a file declares parameters, then they are listed with their types', () => {
    const parameters = readParameters('pipeline.yaml', PIPELINE);
    assert.deepEqual(
      parameters.map(({ name, type, default: preset }) => [name, type, preset]),
      [
        ['images', 'path', './images'],
        ['output', 'path', '../out'],
        ['bucket', 'path', 's3://bucket/in'],
        ['top', 'number', 3],
        ['ordered', 'boolean', false],
        ['title', 'string', 'photos'],
      ],
    );
  });

  it('when a file cannot be read, then there are none', () => {
    assert.deepEqual(readParameters('pipeline.yaml', 'a: ['), []);
  });
});
