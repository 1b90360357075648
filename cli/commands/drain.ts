import process from 'node:process';
import { type Command, Option } from 'commander';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { RestClient } from '../../shared/rest/rest-client.ts';
import type { TaskManagerInfo } from '../../shared/rest/rest-types.ts';
import { sleep } from '../../shared/time/clock.ts';
import { systemClock } from '../../shared/time/system-clock.ts';
import { type ClientFlags, connect, jobManagerOption } from '../job-manager-address.ts';
import { integerBetween } from '../numbers.ts';
import { printAnswer } from '../output/print-answer.ts';

interface DrainFlags extends ClientFlags {
  readonly wait?: boolean;
  readonly timeout: number;
  readonly json?: boolean;
}

const POLL_MS = 500;
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

/** One that has gone meanwhile has nothing that runs, either. */
async function untilDrained(
  client: RestClient,
  begun: TaskManagerInfo,
  timeoutSeconds: number,
): Promise<TaskManagerInfo> {
  const deadlineMs = systemClock.monotonicMs() + timeoutSeconds * 1000;
  let info = begun;
  let told: string | null = null;
  while (info.state !== 'DRAINED') {
    const reason = info.drainingReason;
    if (reason !== null && reason !== told) process.stderr.write(`${info.id}: ${reason}\n`);
    told = reason;
    if (systemClock.monotonicMs() > deadlineMs) throw notInTime(info, timeoutSeconds);
    await sleep(systemClock, POLL_MS);
    try {
      info = await client.taskManager(begun.id);
    } catch (error) {
      if (!(error instanceof SluiceError) || error.code !== 'TASK_MANAGER_NOT_FOUND') throw error;
      info = { ...info, state: 'DRAINED', drainingReason: null };
    }
  }
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
