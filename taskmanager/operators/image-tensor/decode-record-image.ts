import type { CompiledImageTensorOptions } from '../../../shared/job-graph/compiled-options.ts';
import type { StreamRecord } from '../../../shared/record/stream-record.ts';
import { type DecodedImage, decodeImageTensor } from '../../image/decode-image.ts';
import type { OperatorContext } from '../operator-context.ts';
import { readImageBytes } from './image-bytes.ts';

/** The image of a record, read and decoded; rejects as the reading and the decoding do. */
export async function decodeRecordImage(
  record: StreamRecord,
  context: OperatorContext,
  options: CompiledImageTensorOptions,
): Promise<DecodedImage> {
  const bytes = await readImageBytes(record, context, options.bytesMax);
  return decodeImageTensor(bytes, options.preprocessing, options);
}
