/** The module by itself: format, types, and what its own tests say of plans. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { TerraformWorkspace } from '../support/terraform-workspace.ts';

describe('the Terraform module', () => {
  let workspace: TerraformWorkspace;
  before(async () => {
    workspace = await TerraformWorkspace.create();
  });
  after(() => workspace.remove());

  it('is formatted and valid', async () => {
    await workspace.run(['fmt', '-check', '-recursive', '-diff']);
    await workspace.run(['validate']);
  });

  it('passes its tests', async (t) => {
    const { output } = await workspace.run(['test']);
    const [summary] = /Success! \d+ passed, 0 failed\./u.exec(output) ?? [];
    assert.ok(summary !== undefined, output.slice(-2000));
    t.diagnostic(summary);
  });
});
