import type { Partitioner } from '../../../shared/job-graph/job-graph.ts';
import { StreamRecord } from '../../../shared/record/stream-record.ts';
import { HubCore } from '../../../taskmanager/network/hub-core.ts';
import type { LinkPort } from '../../../taskmanager/network/link-port.ts';
import {
  NETWORK_LIMITS,
  type ResultPartitionOptions,
} from '../../../taskmanager/network/network-options.ts';
import { SlotNetworkCore } from '../../../taskmanager/network/slot-network-core.ts';
import type { InputGate } from '../../../taskmanager/task/input-gate.ts';
import type { ResultPartition } from '../../../taskmanager/task/result-partition.ts';
import { SimulatedWorld } from '../../simulation/network/simulated-world.ts';
import { SeededRandom } from '../../support/seeded-random.ts';

/** A hub and one slot on simulated ports, where everything happens when the test says so. */
export class ExchangePair {
  readonly world = new SimulatedWorld(new SeededRandom(1));
  readonly network: SlotNetworkCore;
  readonly #hub: HubCore;

  constructor() {
    const { world } = this;
    this.#hub = new HubCore({
      taskManagerId: 'tm',
      clock: world,
      defer: world.defer,
      limits: NETWORK_LIMITS,
      log: () => {},
      connect: () => {
        throw new Error('everything is local here');
      },
      createChannel: () => world.portPair(),
    });
    this.network = this.addSlot();
  }

  addSlot(): SlotNetworkCore {
    const { world } = this;
    const [hubPort, port] = world.portPair();
    this.#hub.addSlot(hubPort);
    return new SlotNetworkCore(port, {
      clock: world,
      defer: world.defer,
      openPort: (other) => other as LinkPort,
    });
  }

  partition(
    partitioner: Partitioner,
    subpartitions: number,
    options: Partial<ResultPartitionOptions> = {},
  ): ResultPartition {
    return this.network.createResultPartition(
      { partitionId: 'p', sourceOperator: 's', partitioner, subpartitions, maxParallelism: 128 },
      { subtaskIndex: 0, ...options },
    );
  }

  gate(subpartition: number, network = this.network): InputGate {
    const producer = { taskManagerId: 'tm', host: '127.0.0.1', port: 1 };
    const channels = [{ partitionId: 'p', subpartition, producer }];
    return network.createInputGate({ edgeId: 'e', channels });
  }

  /** Delivers what is under way; time stands still. */
  settle(): void {
    this.world.runDeferred();
    while (this.world.deliverOne());
  }

  /** Lets time pass, and delivers what comes of it. */
  pass(durationMs: number): void {
    const untilMs = this.world.nowMs() + durationMs;
    while (this.world.nowMs() < untilMs) {
      this.world.advance(untilMs - this.world.nowMs());
      this.settle();
    }
  }
}

export function record(value: Readonly<Record<string, unknown>>): StreamRecord {
  return new StreamRecord(value, 0, 0, null, null, null);
}

/** All that can be taken now: records as their values, events as they are. */
export function takeAll(gate: InputGate): unknown[] {
  const taken: unknown[] = [];
  for (let item = gate.poll(); item !== null; item = gate.poll()) {
    if (item.kind === 'event') taken.push(item.event);
    else taken.push(...item.records.map(({ value }) => value));
  }
  return taken;
}
