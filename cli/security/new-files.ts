import { chmod, mkdir, open, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SluiceError } from '../../shared/errors/sluice-error.ts';

export interface NewFile {
  readonly path: string;
  readonly content: string;
  /** Only its owner may read it. */
  readonly isSecret: boolean;
}

/** Makes all of them or none; never in place of one that is there. */
export async function writeNewFiles(files: readonly NewFile[]): Promise<void> {
  const made: string[] = [];
  try {
    for (const { path, content, isSecret } of files) {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      const mode = isSecret ? 0o600 : 0o644;
      const file = await open(path, 'wx', mode);
      made.push(path);
      try {
        await file.writeFile(content);
        await file.sync();
      } finally {
        await file.close();
      }
      // Whatever the process's mask left of it.
      await chmod(path, mode);
    }
  } catch (error) {
    await Promise.allSettled(made.map((path) => unlink(path)));
    throw cannotWrite(error);
  }
}

function cannotWrite(error: unknown): unknown {
  const { code, path = '', message } = error as NodeJS.ErrnoException;
  if (code === undefined) return error;
  if (code === 'EEXIST') {
    return new SluiceError('FILE_EXISTS', `${path} is there already, and is never overwritten`, {
      domain: 'user',
      context: { file: path },
      hint: 'name another folder with --directory; files of a running process are replaced from there',
    });
  }
  return new SluiceError('ARGUMENT_INVALID', `cannot write ${path}: ${message}`, {
    domain: 'user',
    context: { file: path },
    hint: 'name a folder that this user may write to with --directory',
  });
}
