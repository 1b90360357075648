import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ChildServer } from '../child-server.ts';
import { freePorts } from '../free-ports.ts';

const START_TIMEOUT_MS = 15_000;

/**
 * A real S3 server, versitygw, on a folder of its own: `install-real-server.sh` builds it into
 * `.cache/bin`; `SLUICE_TEST_S3_SERVER` names another binary of it. It serves files of a disk, so
 * `a` and `a/b` cannot both be objects. The temporary folder must be on a file system with extended
 * attributes (ext4, xfs, btrfs, tmpfs from Linux 6.6): with side-car files in their place,
 * compare-and-swap loses updates.
 */
export class RealS3Server {
  readonly endpoint: string;
  readonly accessKeyId = 'sluice-test';
  readonly secretAccessKey: string;
  readonly #child: ChildServer;
  readonly #directory: string;

  private constructor(
    endpoint: string,
    fields: { child: ChildServer; directory: string; secretAccessKey: string },
  ) {
    this.endpoint = endpoint;
    this.#child = fields.child;
    this.#directory = fields.directory;
    this.secretAccessKey = fields.secretAccessKey;
  }

  /** `host`: what it listens on; default: the loopback. */
  static async start(options: {
    readonly buckets: readonly string[];
    readonly host?: string;
  }): Promise<RealS3Server> {
    const host = options.host ?? '127.0.0.1';
    const binary = findBinary();
    const directory = await mkdtemp(join(tmpdir(), 'sluice-s3-'));
    // The top folders of the backend are its buckets.
    for (const bucket of options.buckets) {
      await mkdir(join(directory, 'data', bucket), { recursive: true });
    }
    const [port = 0] = await freePorts(1);
    const secretAccessKey = randomBytes(16).toString('hex');
    const server = ['--port', `${host}:${port}`, '--keep-alive', '--quiet'];
    const backend = ['posix', join(directory, 'data')];
    const endpoint = `http://${host}:${port}`;
    const child = await ChildServer.start({
      name: `the S3 server ${binary}`,
      command: binary,
      args: [...server, ...backend],
      env: {
        ...process.env,
        ROOT_ACCESS_KEY_ID: 'sluice-test',
        ROOT_SECRET_ACCESS_KEY: secretAccessKey,
      },
      url: endpoint,
      startTimeoutMs: START_TIMEOUT_MS,
    }).catch(async (error) => {
      await rm(directory, { recursive: true, force: true });
      throw error;
    });
    return new RealS3Server(endpoint, { child, directory, secretAccessKey });
  }

  async close(): Promise<void> {
    await this.#child.close();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function findBinary(): string {
  const root = resolve(import.meta.dirname, '../../..');
  const binary = process.env['SLUICE_TEST_S3_SERVER'] ?? join(root, '.cache/bin/versitygw');
  if (!existsSync(binary)) {
    throw new Error(`no S3 server at ${binary}: run test/support/s3/install-real-server.sh`);
  }
  return binary;
}
