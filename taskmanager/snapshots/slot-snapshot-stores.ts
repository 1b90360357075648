import { crc32 } from 'node:zlib';
import { INLINE_STATE_BYTES_MAX, type StateHandle } from '../../shared/checkpoint/state-handle.ts';
import { deserializeError, SluiceError } from '../../shared/errors/sluice-error.ts';
import type { FileSystemRegistry } from '../../shared/filesystem/filesystem-registry.ts';
import type { SlotReport, StoredPiece } from '../slots/slot-messages.ts';
import type {
  CheckpointStore,
  CheckpointTarget,
  SnapshotStores,
  StateScope,
} from '../task/snapshot-store.ts';
import { readLocalPiece } from './local-state.ts';

interface Request {
  readonly resolve: (handle: StateHandle) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The slot's end of the store: small pieces become part of their handle, the others go to the main
 * thread (the bytes are transferred), which packs those of all slots. Reading needs nobody else: it
 * takes the task manager's own copy, where that is right, or the stored object.
 * Bounded by what the snapshots of the slot's tasks consist of.
 */
export class SlotSnapshotStores implements SnapshotStores {
  readonly #fileSystems: FileSystemRegistry;
  /** The folder of the task manager's local copies, if there is one. */
  readonly #localFolder: string | null;
  readonly #send: (report: SlotReport, transfer?: readonly ArrayBuffer[]) => void;
  readonly #requests = new Map<number, Request>();
  #nextRequestId = 1;

  constructor(options: {
    readonly fileSystems: FileSystemRegistry;
    readonly localFolder?: string | null;
    readonly send: (report: SlotReport, transfer?: readonly ArrayBuffer[]) => void;
  }) {
    this.#fileSystems = options.fileSystems;
    this.#localFolder = options.localFolder ?? null;
    this.#send = options.send;
  }

  forCheckpoint(target: CheckpointTarget): CheckpointStore {
    let stored = 0;
    return {
      get bytes() {
        return stored;
      },
      store: (bytes, scope) => {
        stored += bytes.length;
        return this.#store(target, bytes, scope);
      },
      load: (handle) => this.load(handle),
      handedOver: () => this.#send({ kind: 'pieces-handed-over', target }),
    };
  }

  async load(handle: StateHandle): Promise<Uint8Array> {
    if (handle.kind === 'inline') return Buffer.from(handle.base64, 'base64');
    const local = this.#localFolder && (await readLocalPiece(this.#localFolder, handle));
    if (local) return local;
    const { uri, offset, length } = handle;
    const { bytes } = await this.#fileSystems.forUri(uri).read(uri, { offset, length });
    if (bytes.length !== length) throw corrupt(uri, 'It is shorter than when it was written.');
    if (crc32(bytes) !== handle.crc32) throw corrupt(uri, 'Its checksum is another one.');
    return bytes;
  }

  /** The main thread's answer. */
  stored(requestId: number, result: StoredPiece): void {
    const request = this.#requests.get(requestId);
    this.#requests.delete(requestId);
    if (result.error === null) request?.resolve(result.handle);
    else request?.reject(deserializeError(result.error));
  }

  #store(
    target: CheckpointTarget,
    bytes: Uint8Array<ArrayBuffer>,
    scope: StateScope,
  ): Promise<StateHandle> {
    if (bytes.length <= INLINE_STATE_BYTES_MAX) {
      const { buffer, byteOffset, length } = bytes;
      const base64 = Buffer.from(buffer, byteOffset, length).toString('base64');
      return Promise.resolve({ kind: 'inline', base64 });
    }
    const requestId = this.#nextRequestId;
    this.#nextRequestId += 1;
    return new Promise((resolve, reject) => {
      this.#requests.set(requestId, { resolve, reject });
      // What shares its memory with something else is copied.
      const isAlone = bytes.byteLength === bytes.buffer.byteLength;
      const piece = { ...target, scope, bytes: isAlone ? bytes : bytes.slice() };
      this.#send({ kind: 'store-piece', requestId, piece }, [piece.bytes.buffer]);
    });
  }
}

function corrupt(uri: string, message: string): SluiceError {
  return new SluiceError('STATE_CORRUPT', `The state in ${uri} cannot be read. ${message}`, {
    domain: 'external',
    context: { uri },
  });
}
