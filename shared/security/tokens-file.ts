import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { SluiceError } from '../errors/sluice-error.ts';
import { ACCESS_ROLES, type AccessRole, isAccessRole } from './access-role.ts';
import { readBounded } from './read-bounded.ts';

/** A line of a tokens file: `<role> <name> <sha256 of the token, hex>`. */
export interface TokenEntry {
  readonly role: AccessRole;
  readonly name: string;
  /** SHA-256. A token is random and long: a slow hash would only cost the server. */
  readonly hash: Buffer;
}

const FILE_BYTES_MAX = 256 * 1024;
/** Every request is compared with all of them. */
const TOKENS_MAX = 1_000;
/** What a client may send as one. */
export const TOKEN_CHARACTERS_MAX = 512;
const TOKEN_BYTES = 32;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/u;

/** Throws FILE_NOT_FOUND, or ARGUMENT_INVALID with the line that is wrong. */
export async function readTokens(path: string): Promise<readonly TokenEntry[]> {
  const what = { name: 'tokens', option: '--tokens', bytesMax: FILE_BYTES_MAX };
  return parseTokens((await readBounded(path, what)).toString('utf8'), path);
}

export function parseTokens(text: string, file: string): readonly TokenEntry[] {
  const entries: TokenEntry[] = [];
  const names = new Set<string>();
  for (const [index, line] of text.split(/\r?\n/u).entries()) {
    const content = line.trim();
    if (content === '' || content.startsWith('#')) continue;
    const entry = parseLine(content);
    if (typeof entry === 'string') throw invalid(file, index + 1, entry);
    if (names.has(entry.name)) throw invalid(file, index + 1, `"${entry.name}" is there twice`);
    if (entries.length === TOKENS_MAX) {
      throw invalid(file, index + 1, `more than ${TOKENS_MAX} tokens`);
    }
    names.add(entry.name);
    entries.push(entry);
  }
  return entries;
}

/** The entry, or what is wrong with the line; never a word of the line that could be a token. */
function parseLine(line: string): TokenEntry | string {
  const [role = '', name = '', hash = '', ...rest] = line.split(/\s+/u);
  if (rest.length > 0 || hash === '') return 'a line is <role> <name> <sha256 of the token>';
  if (!isAccessRole(role)) return `the role is one of ${ACCESS_ROLES.join(', ')}`;
  if (!NAME.test(name)) return 'the name has up to 64 letters, digits and . _ @ -';
  if (!/^[0-9a-f]{64}$/iu.test(hash)) return 'the hash has 64 hexadecimal digits';
  return { role, name, hash: Buffer.from(hash, 'hex') };
}

/** Throws ARGUMENT_INVALID for a name that a tokens file cannot have. */
export function requireTokenName(name: string): void {
  if (NAME.test(name)) return;
  throw new SluiceError('ARGUMENT_INVALID', `"${name}" cannot be the name of a token`, {
    domain: 'user',
    hint: 'up to 64 letters, digits and . _ @ -, for example ci or anna@example.org',
  });
}

/** A new secret, to be shown once. */
export function newToken(): string {
  return `sluice_${randomBytes(TOKEN_BYTES).toString('base64url')}`;
}

export function hashOf(token: string): Buffer {
  return createHash('sha256').update(token, 'utf8').digest();
}

/**
 * Whose token it is; null: nobody's. Takes the same time whichever entry it is, and whatever it has in
 * common with one.
 */
export function findToken(entries: readonly TokenEntry[], token: string): TokenEntry | null {
  if (token.length > TOKEN_CHARACTERS_MAX) return null;
  const hash = hashOf(token);
  let found: TokenEntry | null = null;
  for (const entry of entries) {
    if (timingSafeEqual(entry.hash, hash)) found = entry;
  }
  return found;
}

function invalid(file: string, line: number, reason: string): SluiceError {
  return new SluiceError('ARGUMENT_INVALID', `${file}, line ${line}: ${reason}`, {
    domain: 'user',
    context: { file, line },
    hint: '`sluice tokens create` adds a line that is right',
  });
}
