import { open } from 'node:fs/promises';
import { SluiceError } from '../errors/sluice-error.ts';

/** A small file that somebody configured; says in words why it cannot be read. */
export async function readBounded(
  path: string,
  what: { readonly name: string; readonly option: string; readonly bytesMax: number },
): Promise<Buffer> {
  const { name, option, bytesMax } = what;
  const context = { file: path };
  try {
    const file = await open(path, 'r');
    try {
      // The size may say nothing (a pipe): what is read is bounded, too.
      const buffer = Buffer.alloc(bytesMax + 1);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
      if (bytesRead <= bytesMax) return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    const { code = 'unreadable', message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') {
      throw new SluiceError('FILE_NOT_FOUND', `there is no ${name} file ${path}`, {
        domain: 'user',
        context,
        hint: `put it there, or name another one with ${option}`,
      });
    }
    const reason = code === 'EACCES' ? 'this user may not read it' : message;
    throw new SluiceError('ARGUMENT_INVALID', `cannot read the ${name} file ${path}: ${reason}`, {
      domain: 'user',
      context,
      hint: `check its owner and mode, or name another one with ${option}`,
    });
  }
  throw new SluiceError(
    'ARGUMENT_INVALID',
    `the ${name} file ${path} is larger than ${bytesMax / 1024} KiB`,
    { domain: 'user', context, hint: `name the right one with ${option}` },
  );
}
