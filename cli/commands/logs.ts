import process from 'node:process';
import type { Command } from 'commander';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { LogFilter, RestClient } from '../../shared/rest/rest-client.ts';
import { LOG_BYTES_MAX, LOG_LINES_MAX } from '../../shared/rest/rest-limits.ts';
import type { LogAnswer } from '../../shared/rest/rest-types.ts';
import { sleep } from '../../shared/time/clock.ts';
import { systemClock } from '../../shared/time/system-clock.ts';
import { type ClientFlags, connect, jobManagerOption } from '../job-manager-address.ts';
import { integerBetween } from '../numbers.ts';

interface LogsFlags extends ClientFlags {
  readonly tail?: number;
  readonly follow?: boolean;
  readonly json?: boolean;
}

const POLL_MS = 1_000;

/** `sluice logs`: what a process of the cluster has logged lately, without going to its machine. */
export function addLogsCommand(program: Command): void {
  program
    .command('logs')
    .description('show the log of the job manager or of a task manager')
    .argument('[id]', 'of this task manager (default: of the job manager)')
    .option('--tail <n>', 'only the last lines', integerBetween(1, LOG_LINES_MAX))
    .option('-f, --follow', 'go on with what is logged, until Ctrl-C')
    .addOption(jobManagerOption())
    .option('--json', 'print JSON: the text and where in the log it is')
    .addHelpText(
      'after',
      '\nExamples:\n  $ sluice logs --tail 50\n  $ sluice logs worker-3 --follow\n\n' +
        'Each process keeps the last 2 MiB of its log.',
    )
    .action(showLogs);
}

async function showLogs(id: string | undefined, flags: LogsFlags): Promise<void> {
  const { tail, follow = false, json = false } = flags;
  if (follow && json) {
    throw new SluiceError('ARGUMENT_INVALID', 'what is followed has no end, as JSON needs one', {
      domain: 'user',
      hint: 'say --follow or --json',
    });
  }
  const client = await connect(flags);
  const first = await read(client, id, { length: LOG_BYTES_MAX, tail });
  process.stdout.write(json ? `${JSON.stringify(first, null, 2)}\n` : first.text);
  if (follow) await goOn(client, id, first.next);
}

/** Ends with the process, or when nobody reads any more. */
async function goOn(client: RestClient, id: string | undefined, from: number): Promise<void> {
  let offset = from;
  let isRead = true;
  process.stdout.once('error', () => {
    isRead = false;
  });
  while (isRead) {
    const part = await read(client, id, { offset, length: LOG_BYTES_MAX });
    if (part.end < offset) {
      process.stderr.write('the process has started anew\n');
      offset = 0;
      continue;
    }
    if (part.offset > offset) {
      process.stderr.write(`${part.offset - offset} bytes were logged too fast to be read\n`);
    }
    process.stdout.write(part.text);
    offset = part.next;
    if (part.next >= part.end) await sleep(systemClock, POLL_MS);
  }
}

function read(client: RestClient, id: string | undefined, query: LogFilter): Promise<LogAnswer> {
  return id === undefined ? client.log(query) : client.taskManagerLog(id, query);
}
