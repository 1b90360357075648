import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { ErrorInfo as _sluice_v1_ErrorInfo, ErrorInfo__Output as _sluice_v1_ErrorInfo__Output } from './sluice/v1/ErrorInfo.ts';
import type { Histogram as _sluice_v1_Histogram, Histogram__Output as _sluice_v1_Histogram__Output } from './sluice/v1/Histogram.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  sluice: {
    v1: {
      ErrorInfo: MessageTypeDefinition<_sluice_v1_ErrorInfo, _sluice_v1_ErrorInfo__Output>
      Histogram: MessageTypeDefinition<_sluice_v1_Histogram, _sluice_v1_Histogram__Output>
    }
  }
}

