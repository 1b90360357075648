import type { ChannelState, TaskRestore } from '../../shared/checkpoint/snapshot.ts';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import { decodeValue, encodeValue } from '../../shared/serialization/encode-value.ts';
import type { ChannelBuffers, ChannelSnapshot } from './channel-buffers.ts';
import type { InputGate } from './input-gate.ts';
import type { ResultPartition } from './result-partition.ts';
import type { SnapshotLoader, SnapshotStore } from './snapshot-store.ts';

/** Buffers go to the store in pieces of about this size. */
const PIECE_BYTES = 4 * 1024 * 1024;

export async function storeChannel(
  { edgeId, direction, channel, buffers }: ChannelSnapshot,
  store: SnapshotStore,
): Promise<ChannelState> {
  const pieces = inPieces(buffers).map((piece) => store.store(encodeValue(piece), 'checkpoint'));
  return { edgeId, direction, channel, buffers: await Promise.all(pieces) };
}

/** Puts what was in flight back into both kinds of ends, before anything new. */
export async function restoreChannels(
  restore: TaskRestore | null,
  ends: {
    readonly gates: ReadonlyMap<string, InputGate>;
    readonly partitions: ReadonlyMap<string, ResultPartition>;
  },
  loader: SnapshotLoader,
): Promise<void> {
  const loaded = await Promise.all(
    (restore?.channels ?? []).map(async (state) => ({
      state,
      ...(await loadChannel(state, loader)),
    })),
  );
  for (const { state, channel, buffers } of loaded) {
    const { edgeId, direction } = state;
    const end = direction === 'input' ? ends.gates.get(edgeId) : ends.partitions.get(edgeId);
    if (end === undefined) throw corrupt(`There is no ${direction} ${edgeId} to restore.`);
    end.restore([{ channel, buffers }]);
  }
}

async function loadChannel(state: ChannelState, loader: SnapshotLoader): Promise<ChannelBuffers> {
  const pieces = await Promise.all(state.buffers.map((handle) => loader.load(handle)));
  const buffers = pieces.flatMap((bytes) => {
    const value = decodeValue(bytes);
    if (Array.isArray(value) && value.every((buffer) => buffer instanceof Uint8Array)) {
      return value as Uint8Array[];
    }
    throw corrupt('A piece of channel state holds no buffers.');
  });
  return { channel: state.channel, buffers };
}

function inPieces(buffers: readonly Uint8Array[]): readonly (readonly Uint8Array[])[] {
  const pieces: Uint8Array[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const buffer of buffers) {
    if (bytes >= PIECE_BYTES) {
      pieces.push([]);
      bytes = 0;
    }
    pieces.at(-1)?.push(buffer);
    bytes += buffer.length;
  }
  return pieces;
}

function corrupt(message: string): SluiceError {
  return new SluiceError('STATE_CORRUPT', message, { domain: 'external' });
}
