// Original file: proto/sluice/v1/task_manager.proto


export interface ProcessMetrics {
  'rssBytes'?: (number | string);
  /**
   * Of the whole process, in cores: 1.5 is one core and a half.
   */
  'cpuCoresUsed'?: (number | string);
  'eventLoopDelayMs'?: (number | string);
}

export interface ProcessMetrics__Output {
  'rssBytes': (number);
  /**
   * Of the whole process, in cores: 1.5 is one core and a half.
   */
  'cpuCoresUsed': (number);
  'eventLoopDelayMs': (number);
}
