import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { FileSystemRegistry } from '../../../shared/filesystem/filesystem-registry.ts';
import { systemClock } from '../../../shared/time/system-clock.ts';
import { assertCode } from '../../support/filesystem-helpers.ts';

describe('file system registry', () => {
  it('when a scheme is asked for again, then it is the same file system', async () => {
    const registry = new FileSystemRegistry({}, { clock: systemClock });
    for (const scheme of ['file', 's3', 'memory']) {
      const fileSystem = registry.forUri(`${scheme}://${scheme === 'file' ? '' : 'x'}/a`);
      assert.equal(fileSystem.scheme, scheme);
      assert.equal(registry.forUri(`${scheme}://${scheme === 'file' ? '' : 'y'}/b`), fileSystem);
    }
    await registry.close();
  });

  it('when two registries of a thread use memory, then they share its files', async () => {
    const [one, two] = [0, 1].map(() => new FileSystemRegistry({}, { clock: systemClock }));
    const uri = 'memory://shared-by-registries/x';
    await one?.forUri(uri).put(uri, Buffer.from('x'));
    assert.equal((await two?.forUri(uri).stat(uri))?.size, 1);
  });

  it('when the scheme is unknown, then the message says which there are', () => {
    const registry = new FileSystemRegistry({}, { clock: systemClock });
    try {
      registry.forUri('gs://bucket/x');
      assert.fail('expected ARGUMENT_INVALID');
    } catch (error) {
      assert.match(assertCode('ARGUMENT_INVALID', error).hint ?? '', /s3:\/\//);
    }
  });

  it('when only files are used, then the S3 client is not loaded', async () => {
    const program = `
      import { registerHooks } from 'node:module';
      const loaded = new Set();
      registerHooks({
        resolve(specifier, context, next) {
          loaded.add(specifier);
          return next(specifier, context);
        },
      });
      const { FileSystemRegistry } = await import('./shared/filesystem/filesystem-registry.ts');
      const { systemClock } = await import('./shared/time/system-clock.ts');
      const options = { s3: { endpoint: 'http://127.0.0.1:9' } };
      const registry = new FileSystemRegistry(options, { clock: systemClock });
      const uri = 'file://' + process.cwd() + '/package.json';
      await registry.forUri(uri).read(uri);
      registry.forUri('s3://bucket/x');
      console.log(JSON.stringify([...loaded]));
    `;
    const run = promisify(execFile);
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program]);
    const loaded = JSON.parse(stdout) as string[];
    assert.ok(loaded.some((specifier) => specifier.includes('s3-connection')));
    assert.deepEqual(
      loaded.filter((specifier) => specifier.includes('@aws-sdk')),
      [],
    );
  });
});
