/** The module by itself: format, types, what its own tests say of plans, and its page. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { TerraformWorkspace } from '../support/terraform-workspace.ts';

/** Variables or outputs with their descriptions; a test fails where one has none. */
function described(text: string, kind: 'variable' | 'output'): [string, string][] {
  const blocks = [...text.matchAll(new RegExp(`^${kind} "(\\w+)" \\{\n([^]*?)^\\}`, 'gm'))];
  return blocks.map(([, name = '', body = '']) => [
    name,
    /^ {2}description *= "(.+)"$/m.exec(body)?.[1] ?? `${name} has no description`,
  ]);
}

/** First and last column of the table under a heading. */
function rowsOf(page: string, heading: string): [string, string][] {
  const section = page.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  return [...section.matchAll(/^\| `(\w+)` .*?([^|]+) \|$/gm)].map(
    ([, name = '', meaning = '']) => [name, meaning.trim()],
  );
}

describe('the Terraform module', () => {
  let workspace: TerraformWorkspace;
  before(async () => {
    workspace = await TerraformWorkspace.create();
  });
  after(() => workspace.remove());

  const read = (file: string): Promise<string> => readFile(join(workspace.directory, file), 'utf8');

  it('is formatted and valid', async () => {
    await workspace.run(['fmt', '-check', '-recursive', '-diff']);
    await workspace.run(['validate']);
  });

  it('when it has a variable or an output, then its page describes it, and none else', async () => {
    const page = await read('README.md');
    const variables = described(await read('variables.tf'), 'variable');
    const outputs = described(await read('outputs.tf'), 'output');
    assert.ok(variables.length > 30 && outputs.length > 5);
    assert.deepEqual(rowsOf(page, 'Inputs'), variables);
    assert.deepEqual(rowsOf(page, 'Outputs'), outputs);
  });

  it('when a module has a variable or an output, then it is described', async () => {
    for (const name of [
      'endpoints',
      'firewall',
      'hosts',
      'iam',
      'network',
      'scaling-group',
      'storage',
    ]) {
      for (const [file, kind] of [
        ['variables.tf', 'variable'],
        ['outputs.tf', 'output'],
      ] as const) {
        const blocks = described(await read(`modules/${name}/${file}`), kind);
        assert.ok(blocks.length > 0, `${name}/${file}`);
        for (const [, text] of blocks) assert.doesNotMatch(text, /has no description/, name);
      }
    }
  });

  it('passes its tests', async (t) => {
    const { output } = await workspace.run(['test']);
    const [summary] = /Success! \d+ passed, 0 failed\./u.exec(output) ?? [];
    assert.ok(summary !== undefined, output.slice(-2000));
    t.diagnostic(summary);
  });
});
