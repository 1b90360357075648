/** The files sinks on one file system, for the contract of sinks. */

import type { FileSystemOptions } from '../../shared/filesystem/filesystem-options.ts';
import { FileSystemRegistry } from '../../shared/filesystem/filesystem-registry.ts';
import { systemClock } from '../../shared/time/system-clock.ts';
import {
  createDeadLetterSink,
  createFilesSink,
} from '../../taskmanager/connectors/files-sink/files-sink.ts';
import type { Sink } from '../../taskmanager/operators/sink-writer.ts';
import { listAll } from './filesystem-helpers.ts';
import type { SinkKind, SinkUnderTest } from './sink-contract.ts';

const ROLL = { size: 1_000_000, age: 60_000 };

export function filesSinkKind(options: {
  readonly sink: 'files' | 'dead-letters';
  readonly newFolder: () => string;
  readonly fileSystemOptions?: FileSystemOptions;
  readonly close?: () => Promise<void>;
  readonly rows?: Pick<SinkUnderTest, 'isHeld' | 'padding'>;
}): SinkKind {
  const fileSystems = new FileSystemRegistry(options.fileSystemOptions ?? {}, {
    clock: systemClock,
  });
  return {
    setUp: async () => ({
      ...onFolder(options.newFolder(), options.sink, fileSystems),
      ...options.rows,
    }),
    close: async () => {
      await fileSystems.close();
      await options.close?.();
    },
  };
}

function onFolder(
  path: string,
  kind: 'files' | 'dead-letters',
  fileSystems: FileSystemRegistry,
): SinkUnderTest {
  const fileSystem = fileSystems.forUri(path);
  return {
    create: (context) => {
      Object.assign(context, { fileSystems });
      const sink =
        kind === 'files'
          ? createFilesSink({ path, format: 'jsonl', roll: ROLL }, fileSystems)
          : createDeadLetterSink({ path, roll: ROLL }, fileSystems);
      return sink as Sink<unknown>;
    },
    async visible() {
      const files = await listAll(fileSystem, path);
      const texts = await Promise.all(
        files.map(async ({ uri }) => Buffer.from((await fileSystem.read(uri)).bytes).toString()),
      );
      const lines = texts.flatMap((text) => text.split('\n')).filter((line) => line !== '');
      return lines.map((line) => (JSON.parse(line) as { n: number }).n);
    },
    async pending() {
      return (await fileSystem.listPending(path)).files.length;
    },
  };
}
