import { join } from 'node:path';
import {
  type ChannelCredentials,
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

/** A client of the job manager at `host:port`; it connects with its first call. */
export function createJobManagerClient(
  address: string,
  credentials: ChannelCredentials = grpcCredentials.createInsecure(),
): JobManagerClient {
  return new (loadProtos().JobManager)(address, credentials, channelOptions);
}
