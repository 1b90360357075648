import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { SluiceError } from '../../shared/errors/sluice-error.ts';

/** One process of a local cluster. */
const memberSchema = z.strictObject({
  name: z.string(),
  role: z.enum(['jobmanager', 'taskmanager']),
  device: z.enum(['cpu', 'gpu']),
  processId: z.int().positive(),
  logFile: z.string(),
});

const stateSchema = z.strictObject({
  restAddress: z.string(),
  rpcAddress: z.string(),
  /** What each task manager is started with. */
  slots: z.int().positive(),
  /** The `sluice.yaml` that all of them read. */
  configFile: z.string().nullable().default(null),
  members: z.array(memberSchema),
});

export type ClusterMember = z.output<typeof memberSchema>;
export type ClusterState = z.output<typeof stateSchema>;

/** The file that remembers a local cluster between two commands: `<directory>/cluster.json`. */
export class ClusterStateFile {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  get #path(): string {
    return join(this.#directory, 'cluster.json');
  }

  /** Null where no cluster was started from here. */
  async read(): Promise<ClusterState | null> {
    let text: string;
    try {
      text = await readFile(this.#path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
    try {
      return stateSchema.parse(JSON.parse(text));
    } catch (error) {
      throw new SluiceError('ARGUMENT_INVALID', `${this.#path} is not the state of a cluster`, {
        domain: 'user',
        hint: 'end its processes by hand and remove the file',
        cause: error,
      });
    }
  }

  async write(state: ClusterState): Promise<void> {
    await mkdir(this.#directory, { recursive: true });
    const temporary = `${this.#path}.new`;
    await writeFile(temporary, `${JSON.stringify(state, null, 2)}\n`);
    await rename(temporary, this.#path);
  }

  async remove(): Promise<void> {
    await rm(this.#path, { force: true });
  }
}
