import { z } from 'zod';
import { SluiceError } from '../errors/sluice-error.ts';
import type { FileSystem } from '../filesystem/filesystem.ts';

/**
 * Who leads: the content of `<storage>/leader`, as JSON. Job managers fight for it with conditional
 * writes (`jobmanager/leader-election`); task managers and the command line only read it.
 */
export interface LeaderLease {
  /** The fencing token: one higher with every change of leader, never lower. */
  readonly epoch: number;
  /** Of one run of one process. */
  readonly leaderId: string;
  /** `host:port` of the control plane. */
  readonly rpcAddress: string;
  /** `http://host:port` */
  readonly restAddress: string;
  readonly hostName: string;
  /** Who sees the lease unchanged for so long may take it over. */
  readonly ttlMs: number;
  /** Counts the leader's own writes, so that no two of them have the same bytes (and etag). */
  readonly renewals: number;
  /** Wall clock of the leader, for people. */
  readonly renewedAt: string;
  /** The leader went in order: nobody needs to wait. */
  readonly released: boolean;
}

export interface StoredLease {
  readonly lease: LeaderLease;
  readonly etag: string;
}

const LEASE_BYTES_MAX = 16 * 1024;

const leaseSchema = z.object({
  epoch: z.int().positive(),
  leaderId: z.string().min(1),
  rpcAddress: z.string(),
  restAddress: z.string(),
  hostName: z.string(),
  ttlMs: z.number().positive(),
  renewals: z.int().nonnegative(),
  renewedAt: z.string(),
  released: z.boolean(),
}) satisfies z.ZodType<LeaderLease>;

export function encodeLease(lease: LeaderLease): Uint8Array {
  return Buffer.from(`${JSON.stringify(lease)}\n`, 'utf8');
}

/** Null where nobody has ever led; rejects with PROTOCOL_VIOLATION where it is no lease. */
export async function readLease(
  fileSystem: FileSystem,
  uri: string,
  signal?: AbortSignal,
): Promise<StoredLease | null> {
  try {
    const sizeMax = LEASE_BYTES_MAX;
    const content = await fileSystem.read(uri, { sizeMax, ...(signal && { signal }) });
    return { lease: decodeLease(uri, content.bytes), etag: content.status.etag };
  } catch (error) {
    if (error instanceof SluiceError && error.code === 'STORAGE_NOT_FOUND') return null;
    throw error;
  }
}

function decodeLease(uri: string, bytes: Uint8Array): LeaderLease {
  try {
    return leaseSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch (cause) {
    throw new SluiceError('PROTOCOL_VIOLATION', `${uri} is no lease of a job manager`, {
      domain: 'user',
      context: { uri },
      hint: 'give the cluster a storage folder of its own',
      cause,
    });
  }
}
