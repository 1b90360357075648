import { invariant } from '../../../shared/errors/invariant.ts';
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import { joinUri } from '../../../shared/filesystem/uri.ts';
import type { CompiledThumbnailsOptions } from '../../../shared/job-graph/compiled-options.ts';
import type { StreamRecord } from '../../../shared/record/stream-record.ts';
import { probeFolder } from '../../connectors/probe-folder.ts';
import { makeThumbnail, type ThumbnailRequest } from '../../image/decode-image.ts';
import type { ImageFormat } from '../../image/image-format.ts';
import type { AsyncFunction } from '../async-function.ts';
import { asStorageFailure, readImageBytes } from '../image-tensor/image-bytes.ts';
import type { OperatorContext } from '../operator-context.ts';
import { compileThumbnailKey, type ThumbnailKey } from './thumbnail-key.ts';

/** Everything but SVG, which is a program rather than an image. */
const FORMATS: readonly ImageFormat[] = ['jpeg', 'png', 'bmp', 'webp', 'gif', 'tiff', 'avif'];

/**
 * `sink: thumbnails`: stores a small picture of each record's image under a key made from the
 * record; emits nothing. The key depends on the record only, and a put is atomic, so a replay writes
 * the same bytes to the same place: exactly once without a commit. Two records with the same key
 * (`a.jpg` and `a.png` under `{path}.{format}`) overwrite each other; `{etag}` or `{name}` with the
 * label keeps them apart.
 */
export class ThumbnailsFunction implements AsyncFunction {
  readonly concurrency: number;
  readonly ordered = false;
  readonly #options: CompiledThumbnailsOptions;
  readonly #request: ThumbnailRequest;
  readonly #key: ThumbnailKey;
  #context: OperatorContext | null = null;

  constructor(options: CompiledThumbnailsOptions) {
    const { size, fit, format, quality, key, sourceRoots } = options;
    const [width, height] = typeof size === 'number' ? [size, size] : size;
    this.concurrency = options.concurrency;
    this.#options = options;
    this.#request = { width, height, fit, format, quality };
    this.#key = compileThumbnailKey({ template: key, format, sourceRoots });
  }

  async open(context: OperatorContext): Promise<void> {
    this.#context = context;
    await probeFolder(context.fileSystems, this.#options.path);
  }

  async invoke(record: StreamRecord): Promise<readonly StreamRecord[]> {
    const context = this.#context;
    invariant(context !== null, 'invoke follows open');
    const { path, bytesMax, pixelsMax } = this.#options;
    const uri = joinUri(path, this.#key(record));
    const bytes = await readImageBytes(record, context, bytesMax);
    const limits = { bytesMax, pixelsMax, formats: FORMATS };
    const thumbnail = await makeThumbnail(bytes, this.#request, limits);
    await store(context, uri, thumbnail, this.#request.format);
    context.metrics.bytesOut += thumbnail.length;
    return [];
  }
}

async function store(
  context: OperatorContext,
  uri: string,
  thumbnail: Uint8Array,
  format: ThumbnailRequest['format'],
): Promise<void> {
  try {
    const contentType = `image/${format}`;
    await context.fileSystems.forUri(uri).put(uri, thumbnail, { contentType });
  } catch (error) {
    // A key that no file can have is this record's fault; all else concerns every thumbnail.
    if (error instanceof SluiceError && error.code === 'ARGUMENT_INVALID') throw error;
    throw asStorageFailure(error);
  }
}
