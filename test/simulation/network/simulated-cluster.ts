import { HubCore } from '../../../taskmanager/network/hub-core.ts';
import type { LinkPort } from '../../../taskmanager/network/link-port.ts';
import { NETWORK_LIMITS } from '../../../taskmanager/network/network-options.ts';
import { SlotNetworkCore } from '../../../taskmanager/network/slot-network-core.ts';
import { SimulatedStream, type SimulatedWorld } from './simulated-world.ts';

export interface SimulatedSlot {
  readonly network: SlotNetworkCore;
  /** Its ends of all its ports. */
  readonly ports: LinkPort[];
  readonly taskManager: number;
}

/** One to three task managers with one or two slots each: real hubs and slot networks. */
export class SimulatedCluster {
  readonly streams: SimulatedStream[] = [];
  readonly #world: SimulatedWorld;
  readonly #hubs: HubCore[] = [];
  readonly #slots: SimulatedSlot[] = [];

  constructor(world: SimulatedWorld) {
    this.#world = world;
    const count = world.random.integer(1, 3);
    for (let index = 0; index < count; index += 1) {
      this.#hubs.push(
        new HubCore({
          taskManagerId: `tm-${index}`,
          clock: world,
          defer: world.defer,
          limits: NETWORK_LIMITS,
          log: () => {},
          connect: (_host, port) => this.#connect(index, port),
          createChannel: () => world.portPair(),
        }),
      );
      const slots = world.random.integer(1, 2);
      for (let slot = 0; slot < slots; slot += 1) this.#startSlot(index);
    }
  }

  anySlot(): SimulatedSlot {
    const index = this.#world.random.integer(0, this.#slots.length - 1);
    return this.#slots[index] as SimulatedSlot;
  }

  address(slot: SimulatedSlot): { taskManagerId: string; host: string; port: number } {
    return { taskManagerId: `tm-${slot.taskManager}`, host: 'sim', port: slot.taskManager };
  }

  #startSlot(taskManager: number): void {
    const [hubPort, port] = this.#world.portPair();
    this.#hubs[taskManager]?.addSlot(hubPort);
    const ports = [port];
    const network = new SlotNetworkCore(port, {
      clock: this.#world,
      defer: this.#world.defer,
      openPort(other) {
        ports.push(other as LinkPort);
        return other as LinkPort;
      },
    });
    this.#slots.push({ network, ports, taskManager });
  }

  #connect(from: number, to: number): SimulatedStream {
    const here = new SimulatedStream(this.#world, `tm-${to}`);
    const there = new SimulatedStream(this.#world, `tm-${from}`);
    here.other = there;
    there.other = here;
    this.streams.push(here);
    this.#world.defer(() => this.#hubs[to]?.accept(there));
    return here;
  }
}
