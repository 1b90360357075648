import assert from 'node:assert/strict';
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import type {
  FileSystem,
  ListOptions,
  PutOptions,
  ReadOptions,
} from '../../../shared/filesystem/filesystem.ts';
import { MemoryFileSystem, MemoryStore } from '../../../shared/filesystem/memory-filesystem.ts';
import type { SimulatedWorld } from './simulated-world.ts';

/** How often things go wrong; all 0 once the world is healed. */
export interface Faults {
  /** A request is refused (503): nothing happened. */
  refused: number;
  /** It happened, and its answer is lost. */
  unanswered: number;
  /** It takes long. */
  slow: number;
  /** A control message is lost, or comes twice. */
  lost: number;
  doubled: number;
  /** A task cannot take its snapshot. */
  declines: number;
}

/** An object store with faults: every request takes time, and takes effect somewhere in between. */
export class SimulatedStorage {
  readonly fileSystem: FileSystem;
  readonly #world: SimulatedWorld;

  constructor(world: SimulatedWorld) {
    this.#world = world;
    const memory = new MemoryFileSystem(new MemoryStore(), world.time);
    this.fileSystem = {
      scheme: 'memory',
      list: (uri: string, options?: ListOptions) => this.request(() => memory.list(uri, options)),
      isFolder: () => memory.isFolder(),
      stat: (uri: string) => this.request(() => memory.stat(uri)),
      read: (uri: string, options?: ReadOptions) => this.request(() => memory.read(uri, options)),
      put: (uri: string, bytes: Uint8Array, options?: PutOptions) => {
        const isMetadata = uri.endsWith('/_metadata');
        if (isMetadata) world.at('metadata-asked', Number(/-(\d+)\/_metadata$/.exec(uri)?.[1]));
        return this.request(async () => {
          const status = await memory.put(uri, bytes, options);
          if (isMetadata) world.at('metadata-written', 0);
          return status;
        });
      },
      delete: (uri: string) => this.request(() => memory.delete(uri)),
      openWriter: (uri: string) => memory.openWriter(uri),
      commit: (pending) => this.request(() => memory.commit(pending)),
      abort: (pending) => memory.abort(pending),
      listPending: (uri) => memory.listPending(uri),
      silentForMs: () => 0,
      close: () => memory.close(),
    };
  }

  async request<Answer>(act: () => Promise<Answer> | Answer): Promise<Answer> {
    const { random, time, faults } = this.#world;
    const delayMs = random.chance(faults.slow) ? random.integer(100, 900) : random.integer(0, 6);
    await time.sleep(delayMs / 2);
    if (random.chance(faults.refused)) throw unavailable();
    const answer = await act();
    await time.sleep(delayMs / 2);
    if (random.chance(faults.unanswered)) throw unavailable();
    return answer;
  }

  /** Tried until it is answered, or nobody waits for it any longer. */
  async insist<Answer>(
    isWanted: () => boolean,
    act: () => Promise<Answer> | Answer,
  ): Promise<Answer | null> {
    while (isWanted()) {
      try {
        return await this.request(act);
      } catch (error) {
        if (!(error instanceof SluiceError) || error.retry !== 'backoff') throw error;
        await this.#world.time.sleep(10);
      }
    }
    return null;
  }
}

/** What the outside world sees of the sinks: pending output, and output that was made visible. */
export class SimulatedOutput {
  readonly #pending = new Map<string, readonly string[]>();
  readonly #committed = new Map<string, readonly string[]>();
  readonly #visible = new Map<string, string>();
  /** A planted bug: whoever commits again, writes again. */
  isIdempotent = true;

  get visible(): ReadonlySet<string> {
    return new Set(this.#visible.keys());
  }

  preCommit(id: string, records: readonly string[]): void {
    if (!this.#committed.has(id)) this.#pending.set(id, records);
  }

  /** SAFETY: no record becomes visible twice, and nothing that was promised is gone. */
  commit(id: string): void {
    const before = this.#committed.get(id);
    if (before !== undefined && this.isIdempotent) return;
    const records = before ?? this.#pending.get(id);
    assert.ok(records !== undefined, `${id} is to be committed, but is gone`);
    for (const record of records) {
      const other = this.#visible.get(record);
      assert.equal(other, undefined, `record ${record} of ${id} is visible already, by ${other}`);
      this.#visible.set(record, id);
    }
    this.#pending.delete(id);
    this.#committed.set(id, records);
  }

  /** Discards what earlier attempts of a subtask left and no state refers to. */
  abortOrphans(subtask: string, referenced: ReadonlySet<string>): void {
    for (const id of this.#pending.keys()) {
      if (id.startsWith(`${subtask}/`) && !referenced.has(id)) this.#pending.delete(id);
    }
  }
}

export function unavailable(): SluiceError {
  return new SluiceError('STORAGE_UNAVAILABLE', 'simulated', {
    domain: 'external',
    retry: 'backoff',
  });
}
