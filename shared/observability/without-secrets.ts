/** Fields whose values never reach a log, wherever they are in a line. */
export const SECRET_FIELDS = [
  'accessKeyId',
  'secretAccessKey',
  'sessionToken',
  'credentials',
  'password',
  'secret',
  'token',
  'authorization',
] as const;

export const SECRET = '[secret]';

const PATTERNS: readonly (readonly [RegExp, string])[] = [
  // In fields, however deep, and in texts that quote JSON.
  [new RegExp(`("(?:${SECRET_FIELDS.join('|')})\\\\*":\\s*\\\\*")[^"\\\\]+`, 'giu'), `$1${SECRET}`],
  [/\b(Bearer +)[\w.~+/=-]{8,}/giu, `$1${SECRET}`],
  // Of pre-signed URLs and the like.
  [
    /([?&](?:X-Amz-Signature|X-Amz-Security-Token|X-Amz-Credential|signature|(?:access_)?token)=)[^&\s"\\]+/giu,
    `$1${SECRET}`,
  ],
  // `user:password@` of a URL.
  [/(:\/\/)[^/@\s":]+:[^/@\s"]+@/gu, `$1${SECRET}@`],
];

/** A line of a log without what opens doors. Messages of libraries can hold what fields may not. Pure. */
export function withoutSecrets(line: string): string {
  return PATTERNS.reduce((text, [pattern, instead]) => text.replaceAll(pattern, instead), line);
}
