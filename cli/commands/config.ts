import process from 'node:process';
import { type Command, Option } from 'commander';
import { CONFIG_KEYS } from '../../shared/config/config-keys.ts';
import { configOf, withConfigScopes } from '../config/command-config.ts';
import { configOption } from '../config/config-option.ts';
import { configJson, configText } from '../output/config-text.ts';
import { NO_STORAGE } from '../storage-location.ts';

/** `sluice config`: what holds, and who said so. */
export function addConfigCommand(program: Command): void {
  const command = program
    .command('config')
    .description('show the settings that hold, and where each comes from')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ sluice config --config /etc/sluice/sluice.yaml\n' +
        '  $ SLUICE_REST_PORT=9000 sluice config --json\n\n' +
        'It takes the options of jobmanager and taskmanager too (--job-manager is the one of the\n' +
        'client commands). What the command line says holds, then the environment, then the file,\n' +
        'then the default. Secrets are not shown. With a mistake anywhere, exit status 2.',
    )
    .action((flags: { readonly json?: boolean }, self: Command) => {
      const config = configOf(self);
      process.stdout.write(flags.json === true ? configJson(config) : configText(config));
    });
  for (const { key, flag } of CONFIG_KEYS) {
    if (flag === undefined || key === 'jobManager.address') continue;
    command.addOption(configOption(key).hideHelp());
  }
  command.addOption(new Option(...NO_STORAGE).hideHelp());
  withConfigScopes(command, 'job manager', 'task manager', 'client');
}
