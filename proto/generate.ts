/**
 * Writes the TypeScript types of the protos to `proto/generated` (`npm run proto`). They are
 * committed, so that nothing is generated at install or run time; a test keeps them in step.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { protoLoaderOptions } from '../shared/rpc/proto-loader-options.ts';

const protoDirectory = import.meta.dirname;
const outputDirectory = process.argv[2] ?? join(protoDirectory, 'generated');

const generator = createRequire(import.meta.url).resolve(
  '@grpc/proto-loader/build/bin/proto-loader-gen-types.js',
);
const protos = readdirSync(join(protoDirectory, 'sluice', 'v1'))
  .filter((name) => name.endsWith('.proto'))
  .sort()
  .map((name) => `sluice/v1/${name}`);

rmSync(outputDirectory, { recursive: true, force: true });
execFileSync(
  process.execPath,
  [
    generator,
    ...(protoLoaderOptions.defaults ? ['--defaults'] : []),
    ...(protoLoaderOptions.arrays ? ['--arrays'] : []),
    ...(protoLoaderOptions.objects ? ['--objects'] : []),
    ...(protoLoaderOptions.oneofs ? ['--oneofs'] : []),
    '--includeComments',
    '--grpcLib=@grpc/grpc-js',
    '--importFileExtension=.ts',
    `--includeDirs=${protoDirectory}`,
    `--outDir=${outputDirectory}`,
    ...protos,
  ],
  { stdio: ['ignore', 'ignore', 'inherit'] },
);

// The generator names its input by absolute path, which would differ from machine to machine.
for (const entry of readdirSync(outputDirectory, { recursive: true, encoding: 'utf8' })) {
  const path = join(outputDirectory, entry);
  if (!statSync(path).isFile()) continue;
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text.replaceAll(`${protoDirectory}/`, 'proto/'));
}
