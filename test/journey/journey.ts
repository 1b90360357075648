import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { FileSystemRegistry } from '../../shared/filesystem/filesystem-registry.ts';
import { type HostRecap, mustPlay } from '../support/hosts/ansible.ts';
import { ControlMachine, serviceProcesses } from '../support/hosts/control-machine.ts';
import { LocalHosts } from '../support/hosts/local-hosts.ts';
import { makeBundle } from '../support/make-bundle.ts';
import { MotoServer } from '../support/moto-server.ts';
import { RealS3Server } from '../support/s3/real-server.ts';
import { ROOT } from '../support/sluice-process.ts';
import { TerraformWorkspace } from '../support/terraform-workspace.ts';
import { EXAMPLE_MODEL, environmentOf, storageOf } from '../support/watch-job.ts';

const AMI = 'ami-12c6146b';
const REST_PORT = 8081;
/** Most of the time Terraform waits for AWS to settle. */
const UNASKED = ['-auto-approve', '-input=false', '-parallelism=30'];

interface TerraformHost {
  readonly name: string;
  readonly private_ip: string;
  readonly public_ip: string | null;
}

/** What Terraform puts out for Ansible. */
interface TerraformInventory {
  readonly groups: Readonly<Record<string, readonly TerraformHost[]>>;
  readonly vars: Readonly<Record<string, string>>;
}

/** Everything between nothing and a cluster: an emulated AWS, Terraform, hosts, S3, Ansible. */
export class Journey {
  readonly aws: MotoServer;
  readonly terraform: TerraformWorkspace;
  readonly hosts: LocalHosts;
  readonly #folder: string;
  readonly #bundle: Promise<string>;
  #s3: RealS3Server | null = null;
  #inventory: TerraformInventory | null = null;

  private constructor(fields: {
    readonly aws: MotoServer;
    readonly terraform: TerraformWorkspace;
    readonly hosts: LocalHosts;
    readonly folder: string;
    readonly bundle: Promise<string>;
  }) {
    this.aws = fields.aws;
    this.terraform = fields.terraform;
    this.hosts = fields.hosts;
    this.#folder = fields.folder;
    this.#bundle = fields.bundle;
  }

  /** Nothing is made yet but a network without hosts; the bundle is being made meanwhile. */
  static async begin(): Promise<Journey> {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-journey-'));
    const bundle = makeBundle(join(folder, 'bundle'));
    bundle.catch(() => {}); // whoever waits for it learns of it
    const hosts = await LocalHosts.create([], { folder: join(folder, 'hosts') });
    const aws = await MotoServer.start({ host: hosts.gateway });
    const terraform = await TerraformWorkspace.create({ endpoint: aws.endpoint });
    return new Journey({ aws, terraform, hosts, folder, bundle });
  }

  async end(): Promise<void> {
    await this.#bundle.catch(() => {});
    await this.#s3?.close();
    await this.hosts.destroy();
    await this.terraform.remove();
    await this.aws.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** The network that Terraform lets in: this machine. */
  get operators(): string {
    return `${this.hosts.gateway}/32`;
  }

  get names(): { jobManagers: string[]; taskManagers: string[]; metrics: string[] } {
    const group = (name: string) => (this.inventory.groups[name] ?? []).map((host) => host.name);
    return {
      jobManagers: group('job_manager'),
      taskManagers: group('task_manager_cpu'),
      metrics: group('metrics'),
    };
  }

  get inventory(): TerraformInventory {
    assert.ok(this.#inventory !== null, 'terraform apply comes first');
    return this.#inventory;
  }

  get s3(): RealS3Server {
    assert.ok(this.#s3 !== null, 'the S3 server starts with the hosts');
    return this.#s3;
  }

  get storage(): FileSystemRegistry {
    return storageOf(this.s3);
  }

  async apply(taskManagers: number): Promise<string> {
    await this.terraform.set({
      operator_cidr: this.operators,
      ami_id: AMI,
      ssh_public_key: this.hosts.publicKey,
      task_manager_cpu_count: taskManagers,
      bucket_force_destroy: true,
    });
    const { output } = await this.terraform.run(['apply', ...UNASKED]);
    this.#inventory = await this.terraform.json(['output', '-json', 'inventory']);
    return /Apply complete! (.*)/.exec(output)?.[1] ?? output;
  }

  async destroy(): Promise<void> {
    await this.terraform.run(['destroy', ...UNASKED]);
  }

  /** Boots the hosts that Terraform has put out since, with their addresses; gives their names. */
  async bootNewHosts(): Promise<readonly string[]> {
    const all = Object.values(this.inventory.groups).flat();
    const fresh = all.filter(({ name }) => !this.hosts.has(name));
    await Promise.all(
      fresh.map(({ name, private_ip, public_ip }) =>
        this.hosts.add({ name, address: private_ip, publicAddress: public_ip ?? undefined }),
      ),
    );
    return fresh.map(({ name }) => name);
  }

  /** An emulator of AWS keeps no promises that checkpoints need: S3 itself is another server. */
  async startStorage(): Promise<void> {
    const { storage_bucket, input_bucket, output_bucket } = this.inventory.vars;
    const buckets = [storage_bucket, input_bucket, output_bucket].map(String);
    this.#s3 = await RealS3Server.start({ buckets, host: this.hosts.gateway });
    const model = dirname(EXAMPLE_MODEL);
    for (const file of readdirSync(model)) {
      const uri = `s3://${storage_bucket}/models/${file}`;
      await this.storage.forUri(uri).put(uri, readFileSync(join(model, file)));
    }
  }

  /** As docs/deployment.md says it, with what an emulator cannot give. */
  async play(playbook: string, ...args: string[]): Promise<ReadonlyMap<string, HostRecap>> {
    const { s3 } = this;
    return mustPlay(playbook, {
      inventory: join(ROOT, 'ansible/inventory/terraform.py'),
      variables: {
        sluice_bundle: await this.#bundle,
        sluice_secrets: this.#secrets,
        sluice_s3_endpoint: s3.endpoint,
        sluice_environment: {
          AWS_ACCESS_KEY_ID: s3.accessKeyId,
          AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
        },
        // The hosts have no way to Debian's packages; what they need is in their base.
        sluice_apt_update: false,
        sluice_config: { drainTimeout: '20s' },
        metrics_grafana: false,
        // As in a deployment with scaling groups: Prometheus also looks for machines by their tags.
        metrics_ec2_groups: ['task_manager_cpu'],
        metrics_ec2_endpoint: this.aws.endpoint,
        metrics_environment: { AWS_ACCESS_KEY_ID: 'testing', AWS_SECRET_ACCESS_KEY: 'testing' },
      },
      args,
      env: {
        SLUICE_TERRAFORM_DIRECTORY: this.terraform.directory,
        SLUICE_SSH_KEY: this.hosts.privateKey,
        SLUICE_SSH_CONFIG: this.hosts.writeSshConfig(),
      },
    });
  }

  get control(): ControlMachine {
    const { jobManagers } = this.names;
    return new ControlMachine({
      // Not the public address: an emulator translates none.
      jobManagers: jobManagers.map(
        (name) => `https://${this.hosts.host(name).address}:${REST_PORT}`,
      ),
      secrets: this.#secrets,
      storage: environmentOf(this.s3).env,
    });
  }

  processes(): Promise<Readonly<Record<string, string>>> {
    return serviceProcesses(this.hosts, this.names);
  }

  /** Prometheus' API, asked on its own machine: it listens on the loopback only. */
  // biome-ignore lint/suspicious/noExplicitAny: what Prometheus answers has no types here
  async askPrometheus(path: string): Promise<any> {
    const [metrics = ''] = this.names.metrics;
    const script = `import urllib.request as r; print(r.urlopen("http://127.0.0.1:9090${path}").read().decode())`;
    const { stdout } = await this.hosts.host(metrics).run(`python3 -c '${script}'`);
    return JSON.parse(stdout).data;
  }

  get #secrets(): string {
    return join(this.#folder, 'secrets');
  }
}
