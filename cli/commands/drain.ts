import process from 'node:process';
import { type Command, Option } from 'commander';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { RestClient } from '../../shared/rest/rest-client.ts';
import type { TaskManagerInfo } from '../../shared/rest/rest-types.ts';
import { systemClock } from '../../shared/time/system-clock.ts';
import { awaitDrained } from '../await-drained.ts';
import { type ClientFlags, connect, jobManagerOption } from '../job-manager-address.ts';
import { integerBetween } from '../numbers.ts';
import { printAnswer } from '../output/print-answer.ts';

interface DrainFlags extends ClientFlags {
  readonly wait?: boolean;
  readonly timeout: number;
  readonly json?: boolean;
}

const SECONDS_DEFAULT = 600;

/** `sluice drain`: before a machine is taken away. */
export function addDrainCommand(program: Command): void {
  program
    .command('drain')
    .description('take a task manager out of use: jobs move away from it')
    .argument('<id>', 'the id of a task manager')
    .option('--wait', 'return when nothing runs there any more')
    .addOption(
      new Option('--timeout <seconds>', 'with --wait: how long')
        .argParser(integerBetween(1, 86_400))
        .default(SECONDS_DEFAULT),
    )
    .addOption(jobManagerOption())
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ sluice drain worker-3\n  $ sluice drain worker-3 --wait --timeout 120\n\n' +
        'It gets no new tasks. A job with tasks there goes on from a checkpoint on other slots, as soon\n' +
        'as there are enough of them; without checkpoints it stays until it ends. The process itself\n' +
        'runs on: end it when it has drained, or start it again to use it again.',
    )
    .action(async (id: string, flags: DrainFlags) => {
      const client = await connect(flags);
      const begun = await client.drain(id);
      const info = flags.wait === true ? await untilDrained(client, begun, flags.timeout) : begun;
      printAnswer(info, { ...flags, text: drainText });
    });
}

function drainText({ id, state, drainingReason }: TaskManagerInfo): string {
  if (state === 'DRAINED') return `${id} has drained: nothing runs there any more`;
  return `${id} is draining${drainingReason === null ? '' : `: ${drainingReason}`}`;
}

async function untilDrained(
  client: RestClient,
  begun: TaskManagerInfo,
  seconds: number,
): Promise<TaskManagerInfo> {
  const info = await awaitDrained(client, begun, {
    timeoutMs: seconds * 1000,
    clock: systemClock,
    onReason: (text) => process.stderr.write(`${text}\n`),
  });
  if (info.state !== 'DRAINED') throw notInTime(info, seconds);
  return info;
}

function notInTime({ id, drainingReason }: TaskManagerInfo, seconds: number): SluiceError {
  const because = drainingReason === null ? '' : ` (${drainingReason})`;
  return new SluiceError('NETWORK_TIMEOUT', `${id} has not drained in ${seconds} s${because}`, {
    domain: 'external',
    context: { taskManagerId: id },
    hint: 'it goes on draining; look at `sluice jobs`, or give the jobs other slots',
  });
}
