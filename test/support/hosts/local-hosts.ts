import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../eventually.ts';
import { type CommandOptions, type CommandResult, mustRun, runCommand } from '../run-command.ts';
import { HostNetwork } from './host-network.ts';

const BASE = '/var/cache/sluice-hosts/base';
const USER = 'admin';
const BOOT_TIMEOUT_MS = 90_000;
const POLL_MS = 200;

export interface HostRequest {
  readonly name: string;
  /** Any IPv4 address that this machine does not use; given by the network where none is named. */
  readonly address?: string;
  /** One more, as a cloud gives beside the private one. */
  readonly publicAddress?: string | undefined;
}

export interface LocalHost {
  readonly name: string;
  readonly address: string;
  /** Its file system, as this machine sees it. */
  readonly root: string;
  /** Runs a line of shell over SSH as root. */
  run(line: string, options?: CommandOptions): Promise<CommandResult>;
}

interface Machine extends LocalHost {
  readonly child: ChildProcess;
}

/**
 * Debian machines on this one, for what is done to machines over SSH: each has a systemd of its own as
 * process 1, sshd, a file system (a layer over the shared base), process ids and a network address. They
 * share kernel, clock and cores with this machine. Made with systemd-nspawn; needs root, and
 * `test/support/install-ansible.sh` once.
 */
export class LocalHosts {
  readonly user = USER;
  readonly privateKey: string;
  readonly #folder: string;
  readonly #network: HostNetwork;
  readonly #machines = new Map<string, Machine>();
  /** Where file systems are mounted, also of hosts that never came up. */
  readonly #roots = new Map<string, string>();

  private constructor(folder: string, network: HostNetwork) {
    this.#folder = folder;
    this.#network = network;
    this.privateKey = join(folder, 'ssh-key');
  }

  /** `folder` takes keys, file systems and logs; it must not be on an overlay itself. */
  static async create(
    requests: readonly HostRequest[],
    options: { readonly folder: string },
  ): Promise<LocalHosts> {
    if (!existsSync(BASE)) {
      throw new Error(`${BASE} is missing: run test/support/install-ansible.sh`);
    }
    mkdirSync(options.folder, { recursive: true });
    const hosts = new LocalHosts(options.folder, await HostNetwork.create());
    try {
      await mustRun('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', hosts.privateKey]);
      await Promise.all(requests.map((request) => hosts.add(request)));
      return hosts;
    } catch (error) {
      await hosts.destroy();
      throw error;
    }
  }

  /** Where servers of the test on this machine are, for the hosts. */
  get gateway(): string {
    return this.#network.gateway;
  }

  get publicKey(): string {
    return readFileSync(`${this.privateKey}.pub`, 'utf8').trim();
  }

  has(name: string): boolean {
    return this.#machines.has(name);
  }

  host(name: string): LocalHost {
    const machine = this.#machines.get(name);
    if (machine === undefined) throw new Error(`there is no host ${name}`);
    return machine;
  }

  /** What makes ssh, and Ansible's `ansible_ssh_common_args`, reach a host. */
  get sshArguments(): readonly string[] {
    return [
      ...['-i', this.privateKey, '-o', 'IdentitiesOnly=yes', '-o', 'LogLevel=ERROR'],
      ...['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null'],
      ...['-o', 'ConnectTimeout=10', '-o', 'ServerAliveInterval=10'],
    ];
  }

  /** The same as a file, for `ssh -F`; gives its path. */
  writeSshConfig(): string {
    const file = join(this.#folder, 'ssh-config');
    const lines = [
      ...[`IdentityFile ${this.privateKey}`, 'IdentitiesOnly yes', 'LogLevel ERROR'],
      ...['StrictHostKeyChecking no', 'UserKnownHostsFile /dev/null'],
      ...['ConnectTimeout 10', 'ServerAliveInterval 10'],
    ];
    writeFileSync(file, `Host *\n${lines.map((line) => `  ${line}\n`).join('')}`);
    return file;
  }

  /** Variables for one host of an inventory. */
  inventoryVariables(name: string): Readonly<Record<string, string>> {
    return {
      ansible_host: this.host(name).address,
      ansible_user: USER,
      ansible_ssh_private_key_file: this.privateKey,
      ansible_ssh_common_args: this.sshArguments.join(' '),
      ansible_python_interpreter: '/usr/bin/python3',
    };
  }

  /** Boots one more host; resolves when it takes SSH and its systemd is up. */
  async add(request: HostRequest): Promise<LocalHost> {
    const { name } = request;
    const folder = join(this.#folder, name);
    const root = join(folder, 'root');
    for (const layer of ['upper', 'work', 'root']) {
      mkdirSync(join(folder, layer), { recursive: true });
    }
    const layers = `lowerdir=${BASE},upperdir=${join(folder, 'upper')},workdir=${join(folder, 'work')}`;
    this.#roots.set(name, root);
    const { namespace, address } = await this.#network.connect(name, request);
    await mustRun('mount', ['-t', 'overlay', 'overlay', '-o', layers, root]);
    await this.#prepare(name, root);
    const machine: Machine = {
      ...{ name, address, root },
      child: boot(name, root, namespace, join(folder, 'console.log')),
      run: (line, options) => this.#ssh(address, line, options),
    };
    this.#machines.set(name, machine);
    await eventually(async () => (await this.#state(machine)) !== null, {
      timeoutMs: BOOT_TIMEOUT_MS,
      message: `host ${name} does not come up; see ${join(folder, 'console.log')}`,
    });
    return machine;
  }

  /** As by pulling the plug. */
  async remove(name: string): Promise<void> {
    const root = this.#roots.get(name);
    if (root === undefined) return;
    const child = this.#machines.get(name)?.child;
    this.#machines.delete(name);
    this.#roots.delete(name);
    if (child !== undefined) await end(child);
    await this.#network.disconnect(name);
    await runCommand('umount', ['--lazy', root]);
    rmSync(join(this.#folder, name), { recursive: true, force: true });
  }

  async destroy(): Promise<void> {
    await Promise.all([...this.#roots.keys()].map((name) => this.remove(name)));
    await this.#network.remove();
  }

  async #prepare(name: string, root: string): Promise<void> {
    writeFileSync(join(root, 'etc/hostname'), `${name}\n`);
    writeFileSync(join(root, 'etc/hosts'), `127.0.0.1 localhost ${name}\n`);
    const ssh = join(root, 'home', USER, '.ssh');
    mkdirSync(ssh, { recursive: true, mode: 0o700 });
    writeFileSync(join(ssh, 'authorized_keys'), `${this.publicKey}\n`, { mode: 0o600 });
    await mustRun('chroot', [root, 'chown', '-R', `${USER}:`, `/home/${USER}/.ssh`]);
  }

  #ssh(address: string, line: string, options: CommandOptions = {}): Promise<CommandResult> {
    const command = `sudo sh -c '${line.replaceAll("'", `'\\''`)}'`;
    return runCommand('ssh', [...this.sshArguments, `${USER}@${address}`, command], options);
  }

  async #state(machine: Machine): Promise<string | null> {
    if (machine.child.exitCode !== null) throw new Error(`host ${machine.name} ended at once`);
    const { stdout } = await machine.run('systemctl is-system-running');
    const state = /^(running|degraded)$/.exec(stdout.trim())?.[0] ?? null;
    if (state === null) await delay(POLL_MS);
    return state;
  }
}

/**
 * In a process namespace that ends with this process, however it ends: a container's systemd would go on
 * without systemd-nspawn.
 */
function boot(name: string, root: string, namespace: string, log: string): ChildProcess {
  const output = openSync(log, 'a');
  return spawn(
    'setpriv',
    [
      ...['--pdeathsig', 'KILL', 'unshare', '--pid', '--fork', '--kill-child', '--mount-proc'],
      ...['systemd-nspawn', '--quiet', '--boot', '--register=no', '--keep-unit'],
      ...['--console=read-only', '--machine', name, '--hostname', name, '--directory', root],
      ...['--network-namespace-path', `/run/netns/${namespace}`],
      ...['--resolv-conf=off', '--timezone=off', '--link-journal=no'],
    ],
    { stdio: ['ignore', output, output] },
  );
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
