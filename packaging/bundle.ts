/**
 * `npm run bundle`: one archive with Sluice, its dependencies as the lock file has them, and Node. A
 * machine needs nothing else to run it: neither npm nor a way to the registry. Ansible and the
 * Dockerfile install it.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';

const USAGE = `Usage: npm run bundle -- [--cpu x64|arm64] [--output FOLDER]
Makes FOLDER/sluice-<version>-linux-<cpu>.tar.gz (default: x64, ./dist).`;

/** Its entry finds the Node beside it, also through symbolic links. */
const COMMAND = `#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
exec "$here/node" "$here/../dist/cli/main.js" "$@"
`;

const root = dirname(import.meta.dirname);

interface Manifest {
  readonly version: string;
  readonly devDependencies: Readonly<Record<string, string>>;
}

function main(): void {
  const { values } = parseArgs({
    options: {
      cpu: { type: 'string', default: 'x64' },
      output: { type: 'string', default: join(root, 'dist') },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help || !['x64', 'arm64'].includes(values.cpu)) {
    process.stderr.write(`${USAGE}\n`);
    process.exit(values.help ? 0 : 2);
  }
  const temporary = mkdtempSync(join(tmpdir(), 'sluice-bundle-'));
  try {
    const archive = bundle(temporary, values.cpu, resolve(values.output));
    process.stdout.write(`${archive}\n`);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function bundle(temporary: string, cpu: string, output: string): string {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
  const name = `sluice-${manifest.version}`;
  const folder = join(temporary, name);
  mkdirSync(join(folder, 'bin'), { recursive: true });
  extract(packed(root, temporary), folder);
  installDependencies(folder, cpu);
  installNode(temporary, folder, `node-linux-${cpu}@${manifest.devDependencies['node']}`);
  writeFileSync(join(folder, 'bin', 'sluice'), COMMAND);
  chmodSync(join(folder, 'bin', 'sluice'), 0o755);
  mkdirSync(output, { recursive: true });
  const archive = join(output, `${name}-linux-${cpu}.tar.gz`);
  // The same input gives the same bytes: Ansible sees by the checksum that nothing has changed.
  const stable = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'];
  run(
    'tar',
    ['--create', '--file', `${archive}.part`, '--use-compress-program=gzip -n'].concat(stable, [
      '--mode=u+rwX,go+rX,go-w',
      '--directory',
      temporary,
      name,
    ]),
  );
  run('mv', [`${archive}.part`, archive]);
  return archive;
}

/** The dependencies of the lock file for Linux, without what only other systems load. */
function installDependencies(folder: string, cpu: string): void {
  copyFileSync(join(root, 'package-lock.json'), join(folder, 'package-lock.json'));
  // No package needs its install script: sharp, lmdb and ONNX Runtime bring what they run.
  const target = ['--os=linux', `--cpu=${cpu}`, '--libc=glibc'];
  run(
    'npm',
    ['ci', '--omit=dev', '--ignore-scripts', '--prefer-offline', '--no-audit'].concat([
      '--no-fund',
      '--loglevel=error',
      ...target,
    ]),
    folder,
  );
  rmSync(join(folder, 'node_modules', '.package-lock.json'), { force: true });
  rmSync(join(folder, 'node_modules', '.bin'), { recursive: true, force: true });
  const binaries = join(folder, 'node_modules', 'onnxruntime-node', 'bin');
  for (const api of readdirSync(binaries)) {
    for (const system of readdirSync(join(binaries, api))) {
      if (system !== 'linux') rmSync(join(binaries, api, system), { recursive: true });
    }
    for (const other of readdirSync(join(binaries, api, 'linux'))) {
      if (other !== cpu) rmSync(join(binaries, api, 'linux', other), { recursive: true });
    }
  }
}

/** Node itself, from the package that the `node` package takes it from. */
function installNode(temporary: string, folder: string, specification: string): void {
  const node = join(temporary, 'node');
  mkdirSync(node);
  extract(packed(specification, node), node);
  copyFileSync(join(node, 'bin', 'node'), join(folder, 'bin', 'node'));
  chmodSync(join(folder, 'bin', 'node'), 0o755);
  if (existsSync(join(node, 'LICENSE'))) {
    copyFileSync(join(node, 'LICENSE'), join(folder, 'bin', 'node.LICENSE'));
  }
}

/** Packs or fetches a package; gives the archive. */
function packed(specification: string, destination: string): string {
  run('npm', ['pack', specification, '--pack-destination', destination, '--loglevel=error']);
  const [archive] = readdirSync(destination).filter((file) => file.endsWith('.tgz'));
  if (archive === undefined) throw new Error(`npm pack ${specification} made no archive`);
  return join(destination, archive);
}

function extract(archive: string, folder: string): void {
  run('tar', ['--extract', '--file', archive, '--strip-components=1', '--directory', folder]);
}

function run(command: string, args: readonly string[], cwd: string = root): void {
  const { status, error } = spawnSync(command, args, {
    cwd,
    stdio: ['ignore', process.stderr, 'inherit'],
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}`);
}

main();
