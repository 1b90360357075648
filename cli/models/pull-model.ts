import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { FileSystemRegistry } from '../../shared/filesystem/filesystem-registry.ts';
import { toUri } from '../../shared/filesystem/uri.ts';
import { PUBLIC_MODELS } from '../../shared/model/manifest.ts';
import { pullModel } from '../../shared/model/pull.ts';
import { systemClock } from '../../shared/time/system-clock.ts';
import { formatBytes, formatShare } from '../output/format.ts';
import { table } from '../output/table.ts';

export function modelListText(): string {
  return table(
    [{ title: 'name' }, { title: 'what' }, { title: 'size', align: 'right' }, { title: 'licence' }],
    PUBLIC_MODELS.map((model) => [
      model.name,
      model.title,
      formatBytes(model.bytes),
      model.license,
    ]),
  );
}

export function modelListJson(): string {
  const models = PUBLIC_MODELS.map(({ name, title, bytes, license, sha256 }) => ({
    name,
    title,
    bytes,
    license,
    sha256,
  }));
  return JSON.stringify(models, null, 2);
}

/** `sluice models pull`: downloads with progress on standard error; Ctrl-C leaves nothing behind. */
export async function pullModelCommand(name: string, to: string): Promise<string> {
  const fileSystems = new FileSystemRegistry({}, { clock: systemClock });
  const abort = new AbortController();
  const onSignal = (): void => abort.abort();
  process.once('SIGINT', onSignal);
  try {
    const pulled = await pullModel({
      name,
      directory: toUri(to, process.cwd()),
      fileSystems,
      clock: systemClock,
      signal: abort.signal,
      onProgress({ bytes, bytesTotal }) {
        if (!process.stderr.isTTY) return;
        const share = formatShare(bytes / bytesTotal);
        process.stderr.write(`\r\u001b[2K${name}  ${formatBytes(bytes)}  ${share}`);
      },
    });
    if (process.stderr.isTTY) process.stderr.write('\r\u001b[2K');
    const path = fileURLToPath(pulled.modelYamlUri);
    const verb = pulled.isPresent ? 'was there already' : `pulled, ${formatBytes(pulled.bytes)}`;
    return `${name} ${verb}, checksum right\nuse it with  model: ${path}`;
  } finally {
    process.off('SIGINT', onSignal);
    await fileSystems.close();
  }
}
