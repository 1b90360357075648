import type { ErrorCode } from '../errors/codes.ts';
import { SluiceError } from '../errors/sluice-error.ts';
import type { OnnxValue } from './onnx-metadata.ts';

/** What is wrong with a model is the user's to mend: one shape for all of it. Pure. */
export function modelError(
  code: ErrorCode,
  uri: string,
  message: string,
  options: { hint?: string; cause?: unknown } = {},
): SluiceError {
  return new SluiceError(code, message, { domain: 'user', context: { uri }, ...options });
}

/** `MODEL_MISMATCH`; `reason` goes on after "<uri> does not fit: ". */
export function modelMismatch(uri: string, reason: string, hint?: string): SluiceError {
  const options = hint === undefined ? {} : { hint };
  return modelError('MODEL_MISMATCH', uri, `${uri} does not fit: ${reason}.`, options);
}

/** `input f32[batch, 3, 224, 224]`, as people write shapes. */
export function describeValue(value: OnnxValue): string {
  return `${value.name} ${value.type}${describeDims(value)}`;
}

export function describeDims(value: OnnxValue): string {
  if (value.dims === null) return '[…]';
  return `[${value.dims.map((dim) => dim ?? '?').join(', ')}]`;
}

export function describeValues(values: readonly OnnxValue[]): string {
  return values.length === 0 ? 'none' : values.map(describeValue).join('; ');
}
