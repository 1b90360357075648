import { join } from 'node:path';
import {
  credentials as grpcCredentials,
  loadPackageDefinition,
  logVerbosity,
  setLogVerbosity,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { ProtoGrpcType } from '../../proto/generated/job_manager.ts';
import type {
  JobManagerClient,
  JobManagerDefinition,
} from '../../proto/generated/sluice/v1/JobManager.ts';
import { peerConnectionOptions } from '../security/peer-client.ts';
import type { TlsIdentity } from '../security/tls-identity.ts';
import { channelOptions } from './channel-options.ts';
import { protoLoaderOptions } from './proto-loader-options.ts';

const PROTO_DIRECTORY = join(import.meta.dirname, '..', '..', 'proto');

let loaded: ProtoGrpcType['sluice']['v1'] | undefined;

function loadProtos(): ProtoGrpcType['sluice']['v1'] {
  if (loaded === undefined) {
    // What goes wrong reaches the callers as errors; gRPC's own lines on stderr add nothing.
    setLogVerbosity(logVerbosity.NONE);
    const definition = loadSync('sluice/v1/job_manager.proto', {
      ...protoLoaderOptions,
      includeDirs: [PROTO_DIRECTORY],
    });
    const types = loadPackageDefinition(definition) as unknown as ProtoGrpcType;
    loaded = types.sluice.v1;
  }
  return loaded;
}

/** The service's definition, for the job manager's gRPC server. */
export function jobManagerServiceDefinition(): JobManagerDefinition {
  return loadProtos().JobManager.service;
}

/**
 * A client of the job manager at `host:port`; it connects with its first call. With an identity over
 * TLS: the other end has to be a job manager, and of that name.
 */
export function createJobManagerClient(
  address: string,
  identity: TlsIdentity | null = null,
): JobManagerClient {
  const { JobManager } = loadProtos();
  if (identity === null) {
    return new JobManager(address, grpcCredentials.createInsecure(), channelOptions);
  }
  const peer = { role: 'job-manager', host: hostOf(address), checksHost: true } as const;
  const { servername, checkServerIdentity } = peerConnectionOptions(identity, peer);
  return new JobManager(
    address,
    grpcCredentials.createFromSecureContext(identity.context, { checkServerIdentity }),
    { ...channelOptions, 'grpc.ssl_target_name_override': servername },
  );
}

/** `host:port` or `[host]:port` without its port. */
function hostOf(address: string): string {
  return address.replace(/:\d+$/u, '').replace(/^\[(.*)\]$/u, '$1');
}
