import { readBounded } from './read-bounded.ts';
import { TOKEN_CHARACTERS_MAX } from './tokens-file.ts';

/** A client's own token: what the file has, without the line's end. */
export async function readToken(path: string): Promise<string> {
  const what = { name: 'token', option: '--token-file', bytesMax: TOKEN_CHARACTERS_MAX + 2 };
  return (await readBounded(path, what)).toString('utf8').trim();
}
