import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { RestClient } from '../../../shared/rest/rest-client.ts';
import { makeBundle } from '../make-bundle.ts';
import { S3Server } from '../s3/s3-server.ts';
import { ROOT, type SluiceResult } from '../sluice-process.ts';
import {
  type HostRecap,
  type InventoryGroup,
  mustPlay,
  runPlaybook,
  writeInventory,
} from './ansible.ts';
import { ControlMachine, serviceProcesses } from './control-machine.ts';
import { LocalHosts } from './local-hosts.ts';

const REST_PORT = 8081;

export interface DeploymentGroups {
  readonly jobManagers: readonly string[];
  readonly taskManagers: readonly string[];
  readonly metrics?: readonly string[];
}

/** A cluster on hosts of the test's own that Ansible deploys, with an S3 server on this machine. */
export class Deployment {
  readonly hosts: LocalHosts;
  readonly s3: S3Server;
  readonly bundle: string;
  readonly secrets: string;
  readonly #folder: string;
  readonly #groups: DeploymentGroups;

  private constructor(fields: {
    readonly hosts: LocalHosts;
    readonly s3: S3Server;
    readonly bundle: string;
    readonly folder: string;
    readonly groups: DeploymentGroups;
  }) {
    this.hosts = fields.hosts;
    this.s3 = fields.s3;
    this.bundle = fields.bundle;
    this.secrets = join(fields.folder, 'secrets');
    this.#folder = fields.folder;
    this.#groups = fields.groups;
    this.#write();
  }

  /** Boots the hosts; nothing is deployed yet. */
  static async create(options: {
    readonly folder: string;
    readonly groups: DeploymentGroups;
    readonly buckets: readonly string[];
  }): Promise<Deployment> {
    const { folder, groups, buckets } = options;
    const bundle = await makeBundle(join(folder, 'bundle'));
    const names = [...groups.jobManagers, ...groups.taskManagers, ...(groups.metrics ?? [])];
    const hosts = await LocalHosts.create(
      names.map((name) => ({ name })),
      { folder: join(folder, 'hosts') },
    );
    try {
      const s3 = await S3Server.start({ host: hosts.gateway, buckets });
      return new Deployment({ hosts, s3, bundle, folder, groups });
    } catch (error) {
      await hosts.destroy();
      throw error;
    }
  }

  get inventory(): string {
    return join(this.#folder, 'hosts.json');
  }

  get #control(): ControlMachine {
    return new ControlMachine({
      jobManagers: this.#groups.jobManagers.map(
        (name) => `https://${this.hosts.host(name).address}:${REST_PORT}`,
      ),
      secrets: this.secrets,
      storage: { SLUICE_S3_ENDPOINT: this.s3.endpoint, ...S3_CREDENTIALS },
    });
  }

  /** Runs a playbook that must succeed. */
  async play(
    playbook: string,
    variables: Readonly<Record<string, unknown>> = {},
  ): Promise<ReadonlyMap<string, HostRecap>> {
    return mustPlay(playbook, { inventory: this.inventory, variables });
  }

  /** Runs one that may fail. */
  tryPlay(
    playbook: string,
    variables: Readonly<Record<string, unknown>> = {},
  ): ReturnType<typeof runPlaybook> {
    return runPlaybook(playbook, { inventory: this.inventory, variables });
  }

  sluice(...args: string[]): Promise<SluiceResult> {
    return this.#control.sluice(...args);
  }

  client(): RestClient {
    return this.#control.client();
  }

  processes(): Promise<Readonly<Record<string, string>>> {
    return serviceProcesses(this.hosts, this.#groups);
  }

  async destroy(): Promise<void> {
    await this.s3.close();
    await this.hosts.destroy();
  }

  #write(): void {
    const group = (names: readonly string[]): InventoryGroup => ({
      hosts: Object.fromEntries(names.map((name) => [name, this.hosts.inventoryVariables(name)])),
    });
    writeInventory(this.inventory, {
      all: {
        vars: {
          sluice_bundle: this.bundle,
          sluice_secrets: this.secrets,
          sluice_storage: 's3://sluice/cluster',
          sluice_s3_endpoint: this.s3.endpoint,
          sluice_s3_region: 'us-east-1',
          sluice_environment: S3_CREDENTIALS,
          // The hosts have no way to Debian's packages; what they need is in their base.
          sluice_apt_update: false,
          metrics_grafana: false,
        },
      },
      job_manager: group(this.#groups.jobManagers),
      task_manager: { children: { task_manager_cpu: {} } },
      task_manager_cpu: group(this.#groups.taskManagers),
      metrics: group(this.#groups.metrics ?? []),
    });
  }
}

const S3_CREDENTIALS = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test-secret' };

/** Whether the machine has what these tests are made of; they say so instead of failing obscurely. */
export function requireTestHosts(): void {
  if (process.getuid?.() !== 0) throw new Error('the tests of ansible/ need root');
  if (!existsSync('/usr/bin/ansible-playbook') || !existsSync('/usr/bin/systemd-nspawn')) {
    throw new Error(`run ${join(ROOT, 'test/support/install-ansible.sh')} first`);
  }
}
