import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compilePipeline } from '../../../shared/job-graph/compile-pipeline.ts';
import { explain } from '../../../shared/job-graph/explain.ts';
import { explainMermaid } from '../../../shared/job-graph/explain-mermaid.ts';
import { explainText } from '../../../shared/job-graph/explain-text.ts';
import type { OnnxOptions } from '../../../shared/pipeline/kinds/transform-onnx.ts';
import { resolveFakeModel } from '../../support/fake-models.ts';

const compile = (text: string, resolveModel = resolveFakeModel) =>
  compilePipeline({
    text,
    fileName: 'pipeline.yaml',
    baseDirectory: '/work',
    parameters: {},
    resolveModel,
  });

const compiled = async (text: string) => {
  const result = await compile(text);
  assert.ok(result.ok, JSON.stringify(result.ok || result.problems.map(({ message }) => message)));
  return result;
};

const MAIN = `
name: photos
nodes:
  images: { source: files, path: ./images, watch: 10s }
  archive: { source: files, path: s3://bucket/archive/2024 }
  both: { transform: filter, from: [images, archive], where: bytes < 1000000 }
  tensors: { transform: image-tensor, from: both, resize: 232, std: [1] }
  classes: { transform: onnx, from: tensors, model: model.onnx, topK: 3, resources: { device: gpu, fallback: cpu } }
  lights: { transform: filter, from: classes, where: label == "traffic light" }
  thumbs: { sink: thumbnails, from: lights, path: ./thumbs }
  counts: { transform: count, from: lights, keyBy: label, parallelism: 2 }
  totals: { sink: print, from: counts, parallelism: 2 }
  results: { sink: files, from: classes, path: ./results, chain: false }
deadLetters: { path: ./rejected }
`;

describe('compilePipeline', () => {
  it('when the main job is compiled, then its vertices and edges are these', async () => {
    const { graph } = await compiled(MAIN);
    assert.equal(graph.bounded, false);
    assert.equal(graph.onError, 'dead-letter');
    assert.deepEqual(
      graph.vertices.map(({ id, name, operators, parallelism, resources }) => [
        id,
        name,
        operators.map((node) => `${node.id}<${node.chainedTo ?? ''}`).join(' '),
        parallelism,
        resources.device,
      ]),
      [
        ['images', 'images', 'images< images.dead-letters<images', null, 'cpu'],
        ['archive', 'archive', 'archive< archive.dead-letters<archive', null, 'cpu'],
        ['both', 'both → tensors', 'both< tensors<both both.dead-letters<both', null, 'cpu'],
        ['classes', 'classes', 'classes< classes.dead-letters<classes', null, 'gpu'],
        [
          'lights',
          'lights → thumbs',
          'lights< thumbs<lights lights.dead-letters<lights',
          null,
          'cpu',
        ],
        ['counts', 'counts → totals', 'counts< totals<counts counts.dead-letters<counts', 2, 'cpu'],
        ['results', 'results', 'results< results.dead-letters<results', null, 'cpu'],
      ],
    );
    assert.deepEqual(
      graph.edges.map(({ id, sourceVertex, targetVertex, partitioner }) => [
        id,
        sourceVertex,
        targetVertex,
        partitioner,
      ]),
      [
        ['images->both', 'images', 'both', { kind: 'forward' }],
        ['archive->both', 'archive', 'both', { kind: 'forward' }],
        ['tensors->classes', 'both', 'classes', { kind: 'rebalance' }],
        ['classes->lights', 'classes', 'lights', { kind: 'rebalance' }],
        ['lights->counts', 'lights', 'counts', { kind: 'hash', keyBy: ['label'] }],
        ['classes->results', 'classes', 'results', { kind: 'rebalance' }],
      ],
    );
  });

  it('when options are compiled, then locations are URIs and the tensor is what the model takes', async () => {
    const { graph } = await compiled(MAIN);
    const operators = graph.vertices.flatMap((vertex) => vertex.operators);
    const optionsOf = (id: string) => operators.find((node) => node.id === id)?.options;
    assert.deepEqual(optionsOf('tensors'), {
      bytesMax: 64 * 1024 ** 2,
      pixelsMax: 100_000_000,
      formats: ['jpeg', 'png', 'bmp', 'webp', 'gif', 'tiff', 'avif'],
      concurrency: undefined,
      ordered: false,
      preprocessing: {
        resize: 232,
        cropHeight: 224,
        cropWidth: 224,
        color: 'RGB',
        scale: 255,
        mean: [0.485, 0.456, 0.406],
        std: [1, 1, 1],
        layout: 'NCHW',
        type: 'f32',
      },
    });
    const thumbs = optionsOf('thumbs') as { path: string; sourceRoots: string[] };
    assert.equal(thumbs.path, 'file:///work/thumbs');
    assert.deepEqual(thumbs.sourceRoots, ['s3://bucket/archive/2024', 'file:///work/images']);
    const classes = optionsOf('classes') as { model: { uri: string }; topK: number };
    assert.equal(classes.model.uri, 'file:///work/model.onnx');
    assert.equal(classes.topK, 3);
    assert.deepEqual((classes as { decoding?: unknown }).decoding, optionsOf('tensors'));
    assert.deepEqual(optionsOf('counts'), { keyBy: ['label'] });
    assert.deepEqual(optionsOf('lights.dead-letters'), {
      path: 'file:///work/rejected',
      roll: { size: 128 * 1024 ** 2, age: 60_000 },
    });
    const { vertices } = JSON.parse(JSON.stringify(graph));
    assert.equal(vertices.length, graph.vertices.length);
  });

  it('when a model is resolved, then it is told what the image-tensor node says', async () => {
    const asked: OnnxOptions[] = [];
    await compile(MAIN, (options) => {
      asked.push(options);
      return resolveFakeModel(options);
    });
    assert.equal(asked.length, 1);
    assert.equal(asked[0]?.model, 'file:///work/model.onnx');
    assert.deepEqual(asked[0]?.preprocessing, { resize: 232, std: [1] });
  });

  it('when something was guessed, then it is a warning at the model', async () => {
    const result = await compiled(MAIN.replace('model.onnx', 'guessed.onnx'));
    assert.deepEqual(
      result.warnings.map(({ message, context }) => [message, context['line'], context['node']]),
      [['the preprocessing is guessed', 8, 'classes']],
    );
  });

  it('when resolving a model fails by a bug, then it is not taken for a mistake', async () => {
    const broken = compile(MAIN, () => Promise.reject(new TypeError('x is not a function')));
    await assert.rejects(broken, TypeError);
  });

  it('when there are no dead letters, then no chain has an operator for them', async () => {
    const { graph } = await compiled(MAIN.replace(/deadLetters.*/, 'onError: fail'));
    const kinds = graph.vertices.flatMap(({ operators }) => operators.map(({ kind }) => kind));
    assert.ok(!kinds.includes('sink/dead-letters'));
    assert.equal(graph.onError, 'fail');
  });

  it('when nothing in a chain can reject, then it has no dead letters', async () => {
    const { graph } = await compiled(`
name: numbers
nodes:
  numbers: { source: datagen, count: 5, parallelism: 200 }
  lines: { sink: print, from: numbers, parallelism: 200 }
deadLetters: { path: ./rejected }
`);
    assert.equal(graph.bounded, true);
    const [vertex] = graph.vertices;
    assert.deepEqual(
      vertex?.operators.map(({ id }) => id),
      ['numbers', 'lines'],
    );
    assert.equal(vertex?.maxParallelism, 256);
  });

  it('when diamonds are stacked, then compiling does not blow up', async () => {
    const layers = Array.from({ length: 30 }, (_, layer) => {
      const from = layer === 0 ? 'a' : `[l${layer - 1}, r${layer - 1}]`;
      return ['l', 'r'].map(
        (side) => `  ${side}${layer}: { transform: filter, from: ${from}, where: bytes > 1 }`,
      );
    }).flat();
    const text = `
name: diamonds
nodes:
  a: { source: files, path: a }
${layers.join('\n')}
  thumbs: { sink: thumbnails, from: l29, path: t }
  lines: { sink: print, from: r29 }
`;
    const { graph, spec } = await compiled(text);
    assert.equal(graph.vertices.length, 57 + 2);
    assert.ok(explainText(explain(graph, spec)).split('\n').length < 400);
  });
});

describe('explain', () => {
  it('when the main job is explained, then plan, tasks and exchanges are told', async () => {
    const { graph, spec } = await compiled(MAIN);
    const text = explainText(explain(graph, spec, { slots: { cpu: 4, gpu: 0 } }));
    assert.deepEqual(text.split('\n'), [
      'photos: runs until it is stopped; rejected records go to file:///work/rejected',
      'recovery: a checkpoint every 10 s, exactly once, unaligned after 1 s, 1 kept; ' +
        'restarts after 100 ms to 60 s; state on the heap',
      '',
      'Plan',
      '  images                       source files            file:///work/images, watched every 10 s',
      '  └─ both (also from archive)  transform filter        bytes < 1000000',
      '     └─ tensors                transform image-tensor  resize 232, crop 224×224, RGB',
      '        └─ classes             transform onnx          model 1, top 3',
      '           ├─ lights           transform filter        label == "traffic light"',
      '           │  ├─ thumbs        sink thumbnails         file:///work/thumbs',
      '           │  └─ counts        transform count         by label',
      '           │     └─ totals     sink print',
      '           └─ results          sink files              file:///work/results',
      '  archive                      source files            s3://bucket/archive/2024',
      '',
      'Tasks',
      '  images           cpu            one on every slot (4)',
      '  archive          cpu            one on every slot (4)',
      '  both → tensors   cpu            one on every slot (4)',
      '  classes          gpu, else cpu  one on every slot (4)',
      '  lights → thumbs  cpu            one on every slot (4)',
      '  counts → totals  cpu            2 subtasks',
      '  results          cpu            one on every slot (4)',
      '',
      'Exchanges',
      '  images → both      forward        about 300 B a record',
      '  archive → both     forward        about 300 B a record',
      '  tensors → classes  rebalance      about 151 KB a record (tensor as uint8)',
      '  classes → lights   rebalance      about 1 KB a record',
      '  lights → counts    hash by label  about 1 KB a record',
      '  classes → results  rebalance      about 1 KB a record',
      '',
    ]);
  });

  it('when slots are not known, then the parallelism is adaptive', async () => {
    const { graph, spec } = await compiled(MAIN);
    const { tasks } = explain(graph, spec);
    assert.deepEqual(
      tasks.map(({ id, parallelism, subtasks }) => [id, parallelism, subtasks]),
      [
        ['images', 'adaptive', null],
        ['archive', 'adaptive', null],
        ['both', 'adaptive', null],
        ['classes', 'adaptive', null],
        ['lights', 'adaptive', null],
        ['counts', 2, 2],
        ['results', 'adaptive', null],
      ],
    );
  });

  it('when a mermaid chart is drawn, then names that Mermaid keeps for itself are safe', async () => {
    const { graph, spec } = await compiled(`
name: chart
nodes:
  end: { source: datagen, count: 5 }
  sub-graph: { sink: print, from: end, parallelism: 1 }
`);
    assert.equal(
      explainMermaid(explain(graph, spec)),
      `flowchart LR
  subgraph task_n_end["cpu, every slot"]
    n_end["end<br/>datagen"]
  end
  subgraph task_n_sub_45_graph["cpu, × 1"]
    n_sub_45_graph["sub-graph<br/>print"]
  end
  n_end == rebalance ==> n_sub_45_graph
`,
    );
  });
});
