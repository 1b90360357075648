import { SluiceError } from '../errors/sluice-error.ts';

/** Standbys and the leader together; more are a mistake. */
const ADDRESSES_MAX = 16;

/** `a:6123,b:6123` → its parts. Throws ARGUMENT_INVALID where there is none, or too many. */
export function parseAddresses(text: string): readonly string[] {
  const addresses = text
    .split(',')
    .map((address) => address.trim())
    .filter((address) => address !== '');
  if (addresses.length > 0 && addresses.length <= ADDRESSES_MAX) return addresses;
  const message =
    addresses.length === 0
      ? `"${text}" names no job manager`
      : `more than ${ADDRESSES_MAX} addresses of job managers`;
  throw new SluiceError('ARGUMENT_INVALID', message, {
    domain: 'user',
    hint: 'write host:port, several with commas: a:6123,b:6123',
  });
}
