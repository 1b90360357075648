const SECRET_NAME = /token$|secret|password|credential|accessKeyId|authorization/iu;

/** `user:password@` of a URL. */
const USER_INFO = /(?<=:\/\/)[^/@\s]+@/gu;

export const MASK = '[secret]';

/** Options as anyone with the role may see them: plain JSON, and nothing that opens a door. Pure. */
export function maskedOptions(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => [name, masked(name, value)]),
  );
}

function masked(name: string, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  if (SECRET_NAME.test(name)) return MASK;
  if (typeof value === 'string') return value.replaceAll(USER_INFO, `${MASK}@`);
  if (Array.isArray(value)) return value.map((item) => masked('', item));
  if (typeof value === 'object') return maskedOptions(value as Record<string, unknown>);
  return value;
}
