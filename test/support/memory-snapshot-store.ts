import { crc32 } from 'node:zlib';
import type { StateHandle } from '../../shared/checkpoint/state-handle.ts';
import type { SnapshotLoader, SnapshotStore } from '../../taskmanager/task/snapshot-store.ts';

/** Keeps snapshots in memory, one object for each piece; can be told to fail and to wait. */
export class MemorySnapshotStore implements SnapshotStore, SnapshotLoader {
  readonly objects = new Map<string, Uint8Array>();
  /** Of all that was ever stored. */
  bytes = 0;
  failure: Error | null = null;
  /** What `store` waits for. */
  gate: Promise<void> = Promise.resolve();

  async store(
    bytes: Uint8Array<ArrayBuffer>,
    scope: 'checkpoint' | 'shared',
  ): Promise<StateHandle> {
    await this.gate;
    if (this.failure !== null) throw this.failure;
    const uri = `memory://${scope}/${this.objects.size}`;
    this.objects.set(uri, bytes);
    this.bytes += bytes.byteLength;
    return { kind: 'object', uri, offset: 0, length: bytes.byteLength, crc32: crc32(bytes) };
  }

  async load(handle: StateHandle): Promise<Uint8Array> {
    if (handle.kind === 'inline') return Buffer.from(handle.base64, 'base64');
    const bytes = this.objects.get(handle.uri);
    if (bytes === undefined) throw new Error(`nothing lies at ${handle.uri}`);
    return bytes;
  }
}
