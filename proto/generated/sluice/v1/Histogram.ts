// Original file: proto/sluice/v1/common.proto


/**
 * Counts of a logarithmic histogram: index, count, index, count, ...
 */
export interface Histogram {
  'buckets'?: (number | string)[];
  'sumMs'?: (number | string);
}

/**
 * Counts of a logarithmic histogram: index, count, index, count, ...
 */
export interface Histogram__Output {
  'buckets': (number)[];
  'sumMs': (number);
}
