import { ERROR_CODES } from '../../shared/errors/codes.ts';
import type { SerializedError } from '../../shared/errors/sluice-error.ts';

/** An error that came over the network, if it has the shape of one; its context stays behind. */
export function parseSerializedError(
  value: Readonly<Record<string, unknown>>,
): SerializedError | null {
  const code = ERROR_CODES.find((known) => known === value['code']);
  const { message } = value;
  if (code === undefined || typeof message !== 'string') return null;
  return { code, message, domain: 'external', retry: 'restart-job', context: {}, causes: [] };
}
