import { mustRun, runCommand } from '../run-command.ts';

const NETWORKS_MAX = 200;

export interface HostLink {
  readonly namespace: string;
  readonly address: string;
}

/**
 * One Ethernet on this machine: a bridge, and for each host a network namespace with one cable to it.
 * A host may have any address: hosts and this machine reach each other over the bridge directly.
 */
export class HostNetwork {
  /** This machine's own address, for servers that the hosts talk to. */
  readonly gateway: string;
  readonly #bridge: string;
  readonly #number: number;
  readonly #namespaces = new Map<string, string>();
  #links = 0;

  private constructor(number: number) {
    this.#number = number;
    this.#bridge = `slbr${number}`;
    this.gateway = `10.213.${number}.1`;
  }

  static async create(): Promise<HostNetwork> {
    for (let number = 1; number <= NETWORKS_MAX; number += 1) {
      const network = new HostNetwork(number);
      const added = await runCommand('ip', ['link', 'add', network.#bridge, 'type', 'bridge']);
      if (added.code !== 0) {
        if (added.output.includes('File exists')) continue;
        throw new Error(`a bridge could not be made (this needs root): ${added.output}`);
      }
      await ip('addr', 'add', `${network.gateway}/24`, 'dev', network.#bridge);
      await ip('link', 'set', network.#bridge, 'up');
      return network;
    }
    throw new Error(`${NETWORKS_MAX} bridges slbr… exist: remove those that tests left behind`);
  }

  async connect(
    name: string,
    wanted: { readonly address?: string; readonly publicAddress?: string | undefined } = {},
  ): Promise<HostLink> {
    this.#links += 1;
    const own = wanted.address ?? `10.213.${this.#number}.${10 + this.#links}`;
    const namespace = `slh${this.#number}-${name}`;
    const cable = `slv${this.#number}x${this.#links}`;
    await ip('netns', 'add', namespace);
    this.#namespaces.set(name, namespace);
    await ip('link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace);
    await ip('link', 'set', cable, 'master', this.#bridge, 'up');
    await ip('-n', namespace, 'link', 'set', 'lo', 'up');
    await ip('-n', namespace, 'addr', 'add', `${own}/32`, 'dev', 'eth0');
    await ip('-n', namespace, 'link', 'set', 'eth0', 'up');
    await ip('-n', namespace, 'route', 'add', 'default', 'dev', 'eth0', 'scope', 'link');
    await ip('route', 'replace', `${own}/32`, 'dev', this.#bridge, 'src', this.gateway);
    const { publicAddress } = wanted;
    if (publicAddress !== undefined) {
      // Not on eth0: what the host sends itself comes from its private address.
      await ip('-n', namespace, 'addr', 'add', `${publicAddress}/32`, 'dev', 'lo');
      await ip('route', 'replace', `${publicAddress}/32`, 'dev', this.#bridge, 'src', this.gateway);
    }
    return { namespace, address: own };
  }

  /** The cable goes with the namespace. */
  async disconnect(name: string): Promise<void> {
    const namespace = this.#namespaces.get(name);
    if (namespace === undefined) return;
    this.#namespaces.delete(name);
    await runCommand('ip', ['netns', 'del', namespace]);
  }

  async remove(): Promise<void> {
    for (const name of this.#namespaces.keys()) await this.disconnect(name);
    await runCommand('ip', ['link', 'del', this.#bridge]);
  }
}

async function ip(...args: string[]): Promise<void> {
  await mustRun('ip', args);
}
