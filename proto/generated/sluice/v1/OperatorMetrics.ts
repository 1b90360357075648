// Original file: proto/sluice/v1/task_manager.proto

import type { Histogram as _sluice_v1_Histogram, Histogram__Output as _sluice_v1_Histogram__Output } from '../../sluice/v1/Histogram.ts';

export interface OperatorMetrics {
  'operatorId'?: (string);
  'recordsIn'?: (number | string);
  'recordsOut'?: (number | string);
  'recordsRejected'?: (number | string);
  'inFlight'?: (number);
  'bytesIn'?: (number | string);
  'bytesOut'?: (number | string);
  'stageLatency'?: (_sluice_v1_Histogram | null);
  'endToEndLatency'?: (_sluice_v1_Histogram | null);
}

export interface OperatorMetrics__Output {
  'operatorId': (string);
  'recordsIn': (number);
  'recordsOut': (number);
  'recordsRejected': (number);
  'inFlight': (number);
  'bytesIn': (number);
  'bytesOut': (number);
  'stageLatency': (_sluice_v1_Histogram__Output | null);
  'endToEndLatency': (_sluice_v1_Histogram__Output | null);
}
