/** A snapshot store of one slot without storage: every piece lies in its handle. */
import type {
  CheckpointStore,
  CheckpointTarget,
  SnapshotStores,
} from '../../taskmanager/task/snapshot-store.ts';

export class MemorySnapshots implements SnapshotStores {
  /** Attempts and checkpoints of which everything was handed over. */
  readonly handedOver: string[] = [];
  /** What `store` rejects with. */
  failure: Error | null = null;
  /** While set, stores wait. */
  gate: Promise<void> | null = null;

  forCheckpoint({ attemptId, checkpointId }: CheckpointTarget): CheckpointStore {
    let stored = 0;
    return {
      get bytes() {
        return stored;
      },
      store: async (bytes) => {
        stored += bytes.length;
        await this.gate;
        if (this.failure !== null) throw this.failure;
        return { kind: 'inline', base64: Buffer.from(bytes).toString('base64') };
      },
      load: (handle) => this.load(handle),
      handedOver: () => this.handedOver.push(`${attemptId} ${checkpointId}`),
    };
  }

  async load(handle: Parameters<SnapshotStores['load']>[0]): Promise<Uint8Array> {
    if (handle.kind !== 'inline') throw new Error('every piece lies in its handle');
    return Buffer.from(handle.base64, 'base64');
  }
}
