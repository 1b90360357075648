import { open } from 'node:fs/promises';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { AccessRole } from '../../shared/security/access-role.ts';
import {
  hashOf,
  newToken,
  parseTokens,
  requireTokenName,
} from '../../shared/security/tokens-file.ts';

/** Adds a line to the file, which a running job manager sees within seconds; gives the token. */
export async function createToken(options: {
  readonly name: string;
  readonly role: AccessRole;
  readonly file: string;
}): Promise<string> {
  const { name, role, file: path } = options;
  requireTokenName(name);
  const file = await openTokens(path);
  try {
    const text = await file.readFile('utf8');
    if (parseTokens(text, path).some((entry) => entry.name === name)) {
      throw new SluiceError('FILE_EXISTS', `${path} has a token "${name}" already`, {
        domain: 'user',
        context: { file: path },
        hint: 'choose another name, or delete its line first: then that token ends',
      });
    }
    const token = newToken();
    const newline = text === '' || text.endsWith('\n') ? '' : '\n';
    // One write: a job manager that reads meanwhile sees the line or does not.
    await file.write(`${newline}${role} ${name} ${hashOf(token).toString('hex')}\n`);
    await file.sync();
    return token;
  } finally {
    await file.close();
  }
}

async function openTokens(path: string) {
  try {
    return await open(path, 'a+', 0o600);
  } catch (cause) {
    const { message } = cause as Error;
    throw new SluiceError('ARGUMENT_INVALID', `cannot write the tokens file ${path}: ${message}`, {
      domain: 'user',
      context: { file: path },
      hint: 'name a file that this user may write to with --file',
      cause,
    });
  }
}
