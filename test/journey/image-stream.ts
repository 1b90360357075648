import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { listedFiles } from '../../cli/audit/listed-files.ts';
import type { FileSystemRegistry } from '../../shared/filesystem/filesystem-registry.ts';
import { eventually } from '../support/eventually.ts';
import { rowsIn } from '../support/result-rows.ts';
import { EXAMPLE_IMAGES } from '../support/watch-job.ts';

const PAUSE_MS = 200;
const DONE_TIMEOUT_MS = 120_000;

/** A row of the results, as far as it is looked at here. */
interface Row {
  readonly uri: string;
  readonly label: string;
  readonly score: number;
}

export interface Output {
  readonly results: readonly Row[];
  readonly alerts: readonly Row[];
  readonly deadLetters: readonly Row[];
  readonly thumbnails: number;
}

/** The example's cameras, which put one image after the other into the bucket until they are told to end. */
export class ImageStream {
  readonly #storage: FileSystemRegistry;
  readonly #input: string;
  readonly #output: string;
  readonly #put: string[] = [];
  readonly #parts = new Map<string, readonly Row[]>();
  #running: Promise<void> | null = null;
  #isEnding = false;

  /** Folders, as URIs without a slash at their end. */
  constructor(
    storage: FileSystemRegistry,
    folders: { readonly input: string; readonly output: string },
  ) {
    this.#storage = storage;
    this.#input = folders.input;
    this.#output = folders.output;
  }

  /** URIs that were put. */
  get put(): readonly string[] {
    return this.#put;
  }

  /** Those that can be decoded; the example's others are broken on purpose. */
  get images(): readonly string[] {
    return this.#put.filter((uri) => /\/\d+\.\w+$/.test(uri));
  }

  start(): void {
    this.#running = this.#run();
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    await this.#running;
  }

  /** Waits until so many more objects have their row or dead letter. */
  async untilMore(count: number): Promise<void> {
    const rows = async () => {
      await delay(PAUSE_MS);
      const { results, deadLetters } = await this.output();
      return results.length + deadLetters.length;
    };
    const wanted = (await rows()) + count;
    await eventually(async () => (await rows()) >= wanted, {
      timeoutMs: DONE_TIMEOUT_MS,
      message: `no ${count} more objects came through`,
    });
  }

  /** Waits until everything that was put came through; nothing may come twice. */
  async untilDone(): Promise<Output> {
    return eventually(
      async () => {
        const output = await this.output();
        const uris = [...output.results, ...output.deadLetters].map(({ uri }) => uri);
        assert.equal(new Set(uris).size, uris.length, 'an object came through twice');
        if (uris.length === this.#put.length) return output;
        await delay(PAUSE_MS);
        return null;
      },
      { timeoutMs: DONE_TIMEOUT_MS, message: 'not everything came through' },
    );
  }

  async output(): Promise<Output> {
    const [results, alerts, deadLetters, thumbnails] = await Promise.all([
      this.#rows('results'),
      this.#rows('traffic-lights'),
      this.#rows('dead-letters'),
      this.#files('thumbnails'),
    ]);
    return { results, alerts, deadLetters, thumbnails: thumbnails.length };
  }

  async #run(): Promise<void> {
    const files = readdirSync(EXAMPLE_IMAGES, { recursive: true, encoding: 'utf8' }).filter(
      (file) => /\.\w+$/.test(file),
    );
    for (let index = 0; !this.#isEnding; index += 1) {
      const file = files[index % files.length] ?? '';
      const uri = `${this.#input}/day-${1 + Math.floor(index / files.length)}/${file}`;
      await this.#storage.forUri(uri).put(uri, readFileSync(join(EXAMPLE_IMAGES, file)));
      this.#put.push(uri);
      await delay(PAUSE_MS);
    }
  }

  async #rows(folder: string): Promise<Row[]> {
    const files = (await this.#files(folder)).filter((uri) => uri.endsWith('.jsonl'));
    return (await Promise.all(files.map((uri) => this.#rowsOf(uri)))).flat();
  }

  /** A part file that is there does not change any more. */
  async #rowsOf(uri: string): Promise<readonly Row[]> {
    const known = this.#parts.get(uri);
    if (known !== undefined) return known;
    const { bytes } = await this.#storage.forUri(uri).read(uri);
    const rows = rowsIn<Row>(Buffer.from(bytes).toString('utf8'));
    this.#parts.set(uri, rows);
    return rows;
  }

  async #files(folder: string): Promise<string[]> {
    const prefix = `${this.#output}/${folder}`;
    const uris: string[] = [];
    for await (const files of listedFiles(this.#storage.forUri(prefix), prefix)) {
      uris.push(...files.map(({ uri }) => uri));
    }
    return uris;
  }
}
