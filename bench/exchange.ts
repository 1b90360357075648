/**
 * Throughput of the exchange between two task managers' processes on one machine, several rounds:
 *
 *   npm run bench:exchange -- --rounds 5
 *
 *   raw loop   32 KiB frames over a plain `node:net` socket: the yardstick
 *   buffers    32 KiB buffers, not encoded nor decoded: slot, hub, socket, hub, slot
 *   large      the same with records that fill a buffer each, encoded and decoded
 *   records    small records `{ sequence, key, value }` by hash of `key`, counted by the operator
 *              of `transform: count` in the consuming slots' threads
 *
 * The variants of a round run one after the other, so that their ratio holds when the machine's speed
 * drifts.
 */
import process from 'node:process';
import { parseArgs } from 'node:util';
import type { ExchangeRun } from './exchange/exchange-run.ts';
import { runRawLoop } from './exchange/raw-loop.ts';
import { runTwoTaskManagers } from './exchange/two-task-managers.ts';
import { machineText, spread } from './support/statistics.ts';

const HELP = `usage: npm run bench:exchange -- [options]
  --rounds N      default 5
  --records N     small records a round, default 6000000
  --buffers N     buffers of 32 KiB a round, default 120000
  --producers N   producing slots, default 1
  --consumers N   consuming slots, default 2`;

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    records: { type: 'string', default: '6000000' },
    buffers: { type: 'string', default: '120000' },
    producers: { type: 'string', default: '1' },
    consumers: { type: 'string', default: '2' },
    help: { type: 'boolean', default: false },
  },
});

/** One way to move data; a further one (a real job) is a further line here. */
interface Variant {
  readonly name: string;
  readonly run: () => Promise<ExchangeRun>;
  /** In GB/s, or in millions of elements a second. */
  readonly unit: 'GB/s' | 'M/s';
}

if (flags.help) process.stdout.write(`${HELP}\n`);
else await main();

async function main(): Promise<void> {
  const [producers, consumers] = [Number(flags.producers), Number(flags.consumers)];
  const [records, buffers] = [Number(flags.records), Number(flags.buffers)];
  const slots = { producers, consumers };
  const oneToOne = { producers: 1, consumers: 1 };
  const variants: readonly Variant[] = [
    { name: 'raw loop', unit: 'GB/s', run: () => runRawLoop(buffers) },
    {
      name: 'buffers',
      unit: 'GB/s',
      run: () => runTwoTaskManagers({ kind: 'buffers', count: buffers, ...oneToOne }),
    },
    {
      name: 'large',
      unit: 'GB/s',
      run: () => runTwoTaskManagers({ kind: 'large-records', count: buffers, ...oneToOne }),
    },
    {
      name: 'records',
      unit: 'M/s',
      run: () => runTwoTaskManagers({ kind: 'records', count: records, ...slots }),
    },
  ];
  print(`machine: ${machineText()}`);
  print(`records: ${producers} producing and ${consumers} consuming slots; others: 1 and 1`);
  const runs = new Map<Variant, ExchangeRun[]>(variants.map((variant) => [variant, []]));
  for (let round = 1; round <= Number(flags.rounds); round += 1) {
    for (const variant of variants) {
      const run = await variant.run();
      runs.get(variant)?.push(run);
      print(`round ${round}  ${describe(variant, [run])}`);
    }
  }
  print(`\nmedian (min–max) of ${flags.rounds} rounds:`);
  for (const [variant, measured] of runs) print(describe(variant, measured));
  const [raw, bufferRuns] = [...runs.values()];
  const ratios = (bufferRuns ?? []).map((run, round) => rate(run, 'GB/s') / rawRate(raw, round));
  print(`buffers ÷ raw loop: ${spread(ratios, 2)}`);
}

function rate(run: ExchangeRun, unit: Variant['unit']): number {
  return (unit === 'GB/s' ? run.bytes / 1e6 : run.elements / 1e3) / run.milliseconds;
}

function rawRate(runs: readonly ExchangeRun[] | undefined, round: number): number {
  const run = runs?.[round];
  return run === undefined ? Number.NaN : rate(run, 'GB/s');
}

function describe({ name, unit }: Variant, runs: readonly ExchangeRun[]): string {
  const rates = runs.map((run) => rate(run, unit));
  const cpu = runs.map(({ cpuMs, elements }) => (cpuMs * 1000) / elements);
  return `${name.padEnd(10)}${figure(rates)} ${unit}, CPU ${figure(cpu)} µs an element`;
}

function figure(values: readonly number[]): string {
  const [only = Number.NaN] = values;
  return values.length === 1 ? only.toFixed(2) : spread(values, 2);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
