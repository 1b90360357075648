/** What `--help` prints, of every command. Runs none of them. */
import process from 'node:process';
import type { Command } from 'commander';
import { createProgram } from '../../cli/program.ts';

const COLUMNS = 100;

export interface CommandHelp {
  /** `sluice cluster up` */
  readonly name: string;
  readonly text: string;
}

export function commandHelp(): CommandHelp[] {
  // It would show as a default.
  delete process.env['SLUICE_JOB_MANAGER'];
  return helpOf(
    createProgram(() => {}),
    '',
  );
}

function helpOf(command: Command, parents: string): CommandHelp[] {
  const name = `${parents}${command.name()}`;
  let text = '';
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
    getOutHelpWidth: () => COLUMNS,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  const below = command.commands.flatMap((child) => helpOf(child, `${name} `));
  return [{ name, text: text.trim() }, ...below];
}
