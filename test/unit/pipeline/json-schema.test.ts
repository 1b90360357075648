import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { z } from 'zod';
import { pipelineJsonSchema } from '../../../shared/pipeline/json-schema.ts';
import { KINDS } from '../../../shared/pipeline/kinds/kinds.ts';

const schema = pipelineJsonSchema();
// A schema is checked by what it lets pass, so it is read back from its JSON.
const validator = z.fromJSONSchema(JSON.parse(JSON.stringify(schema)));
const accepts = (document: unknown) => validator.safeParse(document).success;

const withNode = (node: object) => ({
  name: 'photos',
  nodes: { images: { source: 'files', path: './images' }, other: node },
});

describe('pipelineJsonSchema', () => {
  it('when the example of the repository is checked, then it fits', (context) => {
    const root = join(import.meta.dirname, '../../..');
    const path = join(root, 'examples/image-classification/pipeline.yaml');
    if (!existsSync(path)) return context.skip('there is no example');
    assert.deepEqual(validator.safeParse(parse(readFileSync(path, 'utf8'))).error, undefined);
  });

  it('when every kind is counted, then each has its schema', () => {
    const { nodes } = schema['properties'] as { nodes: { additionalProperties: unknown } };
    const { oneOf } = nodes.additionalProperties as { oneOf: { title: string }[] };
    const kinds = Object.entries(KINDS).flatMap(([category, kinds]) =>
      Object.keys(kinds).map((kind) => `${category} ${kind}`),
    );
    assert.deepEqual(oneOf.map(({ title }) => title).sort(), kinds.sort());
  });

  const right: readonly object[] = [
    { sink: 'print', from: 'images' },
    { sink: 'print', from: ['images'], keyBy: 'uri', chain: false, parallelism: 3 },
    { sink: 'print', from: 'images', parallelism: '${subtasks}' },
    { sink: 'files', from: 'images', path: '${out}', roll: { age: '${age}', size: '5MB' } },
    { transform: 'image-tensor', from: 'images', crop: [224, 224], ordered: '${ordered}' },
    {
      transform: 'onnx',
      from: 'x',
      model: 'm.onnx',
      output: 'logits',
      resources: { device: 'gpu' },
    },
  ];
  for (const node of right) {
    it(`when a node is ${JSON.stringify(node)}, then it fits`, () => {
      assert.deepEqual(validator.safeParse(withNode(node)).error, undefined);
    });
  }

  const wrong: readonly object[] = [
    { sink: 'prnt', from: 'images' },
    { sink: 'print' },
    { sink: 'print', from: 'images', colour: 'red' },
    { sink: 'print', from: 'images', parallelism: 0 },
    { sink: 'print', from: 'images', parallelism: 'many' },
    { source: 'files', path: './images', from: 'images' },
    { source: 'files', path: './images', watch: '10 fortnights' },
    { transform: 'filter', sink: 'print', from: 'images', where: 'true' },
  ];
  for (const node of wrong) {
    it(`when a node is ${JSON.stringify(node)}, then it does not fit`, () => {
      assert.equal(accepts(withNode(node)), false);
    });
  }

  it('when the top level has an unknown key, then it does not fit', () => {
    assert.equal(
      accepts({ ...withNode({ sink: 'print', from: 'images' }), onErorr: 'fail' }),
      false,
    );
  });
});
