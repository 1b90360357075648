import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import packageJson from '../../package.json' with { type: 'json' };
import { makeBundle } from '../support/make-bundle.ts';
import { mustRun, runCommand } from '../support/run-command.ts';

describe('the bundle', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-test-'));
  let archive = '';
  /** A machine without Node. */
  const env = { PATH: '/bin' };
  const sluice = join(folder, `sluice-${packageJson.version}`, 'bin', 'sluice');

  before(async () => {
    archive = await makeBundle(folder);
    await mustRun('tar', ['--extract', '--file', archive, '--directory', folder]);
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  it('when it is made, then its name says version, system and processor', () => {
    assert.equal(basename(archive), `sluice-${packageJson.version}-linux-x64.tar.gz`);
  });

  it('when a machine has no Node, then the bundle brings the one that was tested', async () => {
    const version = await runCommand(sluice, ['--version'], { env });
    assert.equal(version.stdout.split('\n')[0], packageJson.version, version.output);
    const node = await mustRun(join(sluice, '..', 'node'), ['--version'], { env });
    assert.equal(node.trim(), `v${packageJson.devDependencies.node}`);
  });

  it('when it runs the example, then native libraries load without having been installed', async () => {
    const example = join(sluice, '../../examples/image-classification/pipeline.yaml');
    const args = ['run', example, '--set', `output=${join(folder, 'out')}`];
    const { code, output } = await runCommand(sluice, args, { env, cwd: folder });
    assert.equal(code, 0, output);
    assert.match(output, /to thumbnails +150/);
  });

  it('when it is made again, then its bytes are the same', async () => {
    const again = await makeBundle(join(folder, 'again'));
    assert.ok(readFileSync(archive).equals(readFileSync(again)));
  });
});
