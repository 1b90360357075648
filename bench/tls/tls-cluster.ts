import { createPrivateKey } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createAuthority, issueCertificate } from '../../cli/security/certificate-authority.ts';
import { createToken } from '../../cli/security/create-token.ts';
import type { JobDetail } from '../../shared/rest/rest-types.ts';
import { runMeasured, usageOf } from '../support/measured-process.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const MAIN = join(ROOT, 'cli/main.ts');
const DAY_MS = 24 * 3_600_000;

export interface TlsRun {
  /** Images a second. */
  readonly rate: number;
  /** Of all its processes. */
  readonly cpuMsPerImage: number;
}

interface Ports {
  readonly rest: number;
  readonly rpc: number;
}

/** A job manager and two task managers of one slot, with TLS and tokens or without. */
export class TlsCluster {
  readonly #config: string;
  readonly #directory: string;
  #processIds: readonly number[] = [];

  private constructor(directory: string, config: string) {
    this.#directory = directory;
    this.#config = config;
  }

  static async up(directory: string, options: { tls: boolean; ports: Ports }): Promise<TlsCluster> {
    mkdirSync(directory, { recursive: true });
    const config = join(directory, 'sluice.yaml');
    const { tls, ports } = options;
    writeFileSync(config, tls ? await securedYaml(directory, ports) : plainYaml(ports));
    const cluster = new TlsCluster(directory, config);
    await cluster.#sluice(['cluster', 'up', '-n', '2', '--slots', '1', '--no-storage']);
    const status = await cluster.#sluice(['cluster', 'status', '--json']);
    const { state } = JSON.parse(status) as {
      readonly state: { readonly members: readonly { readonly processId: number }[] };
    };
    cluster.#processIds = state.members.map(({ processId }) => processId);
    return cluster;
  }

  /** Submits and waits for the end. */
  async run(pipeline: string): Promise<TlsRun> {
    const before = this.#cpuSeconds();
    const args = ['submit', pipeline, '--json', '--no-progress', '--config', this.#config];
    const { stdout } = await runMeasured([MAIN, ...args], { cwd: ROOT });
    const job = JSON.parse(stdout) as JobDetail;
    if (job.state !== 'FINISHED') throw new Error(`the job is ${job.state}`);
    const { recordsWritten, activeMs } = job.progress;
    const records = recordsWritten['results'] ?? 0;
    return {
      rate: (records / activeMs) * 1000,
      cpuMsPerImage: ((this.#cpuSeconds() - before) / records) * 1000,
    };
  }

  async down(): Promise<void> {
    await runMeasured([MAIN, 'cluster', 'down', '--directory', this.#directory], { cwd: ROOT });
  }

  async #sluice(args: readonly string[]): Promise<string> {
    const where = ['--directory', this.#directory, '--config', this.#config];
    return (await runMeasured([MAIN, ...args, ...where], { cwd: ROOT })).stdout;
  }

  #cpuSeconds(): number {
    return this.#processIds.reduce((total, id) => total + (usageOf(id)?.cpuSeconds ?? 0), 0);
  }
}

function plainYaml({ rest, rpc }: Ports): string {
  return `jobManager: { restPort: ${rest}, rpcPort: ${rpc} }
client: { jobManager: "http://127.0.0.1:${rest}" }
`;
}

async function securedYaml(directory: string, { rest, rpc }: Ports): Promise<string> {
  const file = (name: string): string => join(directory, name);
  const validity = {
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + DAY_MS),
  };
  const authority = await createAuthority({ name: 'bench', ...validity });
  const member = await issueCertificate(
    { certificate: authority.certificate, key: createPrivateKey(authority.key) },
    {
      roles: ['job-manager', 'task-manager'],
      name: 'bench',
      hosts: ['127.0.0.1'],
      ...validity,
    },
  );
  const token = await createToken({ file: file('tokens'), name: 'bench', role: 'operator' });
  writeFileSync(file('ca.crt'), authority.certificate);
  writeFileSync(file('tls.crt'), member.certificate);
  writeFileSync(file('tls.key'), member.key, { mode: 0o600 });
  writeFileSync(file('token'), token, { mode: 0o600 });
  const [ca, key, certificate] = [file('ca.crt'), file('tls.key'), file('tls.crt')];
  return `tls: { certificate: ${certificate}, key: ${key}, authority: ${ca} }
jobManager: { restPort: ${rest}, rpcPort: ${rpc}, tokens: ${file('tokens')} }
client: { jobManager: "https://127.0.0.1:${rest}", tokenFile: ${file('token')}, authority: ${ca} }
`;
}
