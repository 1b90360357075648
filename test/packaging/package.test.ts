import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import packageJson from '../../package.json' with { type: 'json' };
import { freePorts } from '../support/free-ports.ts';
import { mustRun, runCommand } from '../support/run-command.ts';
import { ROOT } from '../support/sluice-process.ts';

const NODE_FOLDER = join(ROOT, 'node_modules', '.bin');
const EXAMPLE = 'node_modules/sluice/examples/image-classification/pipeline.yaml';

describe('the package that npm pack makes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-test-'));
  const home = join(folder, 'home');
  let files: readonly string[] = [];
  const env = {
    PATH: `${NODE_FOLDER}:${process.env['PATH']}`,
    // What ONNX Runtime's install script would fetch is for GPUs only.
    ONNXRUNTIME_NODE_INSTALL: 'skip',
  };
  const sluice = (...args: string[]) =>
    runCommand('npx', ['--no', '--', 'sluice', ...args], { cwd: home, env });

  before(async () => {
    const packed = await mustRun('npm', ['pack', '--json', '--pack-destination', folder], {
      cwd: ROOT,
      env,
    });
    const [{ filename, files: listed }] = JSON.parse(packed.slice(packed.indexOf('[\n')));
    files = listed.map(({ path }: { path: string }) => path);
    mkdirSync(home);
    await mustRun('npm', ['install', '--prefer-offline', '--no-audit', join(folder, filename)], {
      cwd: home,
      env,
    });
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  it('when it is packed, then it holds what runs and what explains it, and nothing else', () => {
    const folders = new Set(files.map((file) => file.split('/').slice(0, 2).join('/')));
    assert.deepEqual(
      [...folders].filter((name) => !name.startsWith('docs/')).toSorted(),
      [
        ...['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json', 'packaging/sluice.js'],
        ...['cli', 'jobmanager', 'proto', 'shared', 'taskmanager'].map((name) => `dist/${name}`),
        ...['dist/CHANGELOG.md', 'dist/package.json', 'examples/image-classification'],
      ].toSorted(),
    );
    assert.deepEqual(
      files.filter((file) => /\.ts$|\.test\.|(^|\/)(test|bench|generate)\//.test(file)),
      [],
    );
    for (const page of ['errors', 'configuration', 'cli']) {
      assert.ok(files.includes(`docs/${page}.md`), page);
    }
  });

  it('when its code names a file that it runs, then by the ending that the file has there', () => {
    const dist = join(home, 'node_modules', 'sluice', 'dist');
    const scripts = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('.js'),
    );
    assert.ok(scripts.length > 300);
    const naming = scripts.filter((file) =>
      /^[^*]*['"`][./][^'"`\s]*\.ts['"`]/m.test(readFileSync(join(dist, file), 'utf8')),
    );
    assert.deepEqual(naming, []);
  });

  it('when it is installed, then no package for development comes with it', () => {
    const installed = new Set(readdirSync(join(home, 'node_modules')));
    assert.deepEqual(
      Object.keys(packageJson.devDependencies).filter((name) => installed.has(name)),
      [],
    );
  });

  it('when asked for help and version, then it answers as from a checkout', async () => {
    const help = await sluice('--help');
    assert.equal(help.code, 0, help.output);
    assert.match(help.stdout, /^Usage: sluice/);
    const version = await sluice('--version');
    const [first, notes = ''] = version.stdout.split('\n');
    assert.equal(first, packageJson.version);
    assert.match(readFileSync(notes.replace('Release notes: ', ''), 'utf8'), /^# Changelog/);
  });

  it('when it runs the example, then slots and executors start and every image has a row', async () => {
    const { code, output } = await sluice('run', EXAMPLE, '--set', 'output=./out');
    assert.equal(code, 0, output);
    assert.match(output, /to results +150/);
    const rows = readdirSync(join(home, 'out', 'results'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.jsonl'))
      .flatMap((file) => readFileSync(join(home, 'out', 'results', file), 'utf8').split('\n'))
      .filter((line) => line !== '');
    assert.equal(rows.length, 150);
  });

  it('when it starts a cluster, then the processes run the compiled code and are found again', async () => {
    const [rest, rpc] = await freePorts(2);
    const ports = ['--rest-port', `${rest}`, '--rpc-port', `${rpc}`];
    const up = await sluice('cluster', 'up', '--task-managers', '2', ...ports);
    try {
      assert.equal(up.code, 0, up.output);
      const status = await sluice('cluster', 'status');
      assert.equal(status.stdout.match(/ running /g)?.length, 3, status.output);
    } finally {
      const down = await sluice('cluster', 'down');
      assert.match(down.output, /3 processes ended/);
    }
  });
});
