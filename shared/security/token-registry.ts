import { serializeError } from '../errors/sluice-error.ts';
import type { Logger } from '../observability/logger.ts';
import type { Clock } from '../time/clock.ts';
import { findToken, readTokens, type TokenEntry } from './tokens-file.ts';
import { WatchedFiles } from './watched-files.ts';

/** The tokens of a file, read again when it changes: a line that goes is a token that ends. */
export class TokenRegistry {
  readonly #path: string;
  readonly #logger: Logger;
  readonly #watch: WatchedFiles;
  #entries: readonly TokenEntry[] = [];

  private constructor(
    path: string,
    options: { readonly clock: Clock; readonly logger: Logger; readonly intervalMs?: number },
  ) {
    this.#path = path;
    this.#logger = options.logger;
    const { clock, intervalMs } = options;
    this.#watch = new WatchedFiles({
      paths: [path],
      clock,
      onChange: () => this.#reload(),
      ...(intervalMs === undefined ? {} : { intervalMs }),
    });
  }

  /** Throws FILE_NOT_FOUND or ARGUMENT_INVALID. */
  static async load(
    path: string,
    options: { readonly clock: Clock; readonly logger: Logger; readonly intervalMs?: number },
  ): Promise<TokenRegistry> {
    const registry = new TokenRegistry(path, options);
    await registry.#watch.start();
    try {
      registry.#entries = await readTokens(path);
    } catch (error) {
      registry.close();
      throw error;
    }
    if (registry.#entries.length === 0) {
      options.logger.warn({ file: path }, 'the tokens file is empty: nobody is let in');
    }
    return registry;
  }

  find(token: string): TokenEntry | null {
    return findToken(this.#entries, token);
  }

  close(): void {
    this.#watch.close();
  }

  async #reload(): Promise<void> {
    try {
      this.#entries = await readTokens(this.#path);
    } catch (error) {
      const message = 'the changed tokens file cannot be used; the old tokens go on';
      this.#logger.error({ error: serializeError(error) }, message);
      return;
    }
    this.#logger.info({ file: this.#path, tokens: this.#entries.length }, 'new tokens');
  }
}
