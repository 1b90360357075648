import process from 'node:process';
import { type Command, Option } from 'commander';
import { ACCESS_ROLES, type AccessRole } from '../../shared/security/access-role.ts';
import { readTokens } from '../../shared/security/tokens-file.ts';
import { table } from '../output/table.ts';

interface CreateFlags {
  readonly name: string;
  readonly role: AccessRole;
  readonly file: string;
}

const FILE_DEFAULT = 'tokens';

/** `sluice tokens`: who may ask what of a job manager over REST. */
export function addTokensCommands(program: Command): void {
  const tokens = program
    .command('tokens')
    .description('make and list the tokens with which people and scripts use a cluster')
    .addHelpText(
      'after',
      '\nExamples:\n  $ sluice tokens create --name ci --role operator --file tokens\n' +
        '  $ sluice tokens list --file tokens',
    );
  tokens
    .command('create')
    .description('add a token to a tokens file, and print it, once')
    .requiredOption('--name <name>', 'whose it is; the audit log names it')
    .addOption(
      new Option('--role <role>', 'what it may do').choices(ACCESS_ROLES).makeOptionMandatory(),
    )
    .option('--file <path>', 'the tokens file; made if it is not there', FILE_DEFAULT)
    .addHelpText(
      'after',
      '\nExample:\n  $ sluice tokens create --name ci --role operator --file tokens > ci.token',
    )
    .action(async (flags: CreateFlags) => {
      const { createToken } = await import('../security/create-token.ts');
      const token = await createToken(flags);
      process.stderr.write(
        `${flags.role} "${flags.name}" is in ${flags.file}; this is the token, it is shown once:\n`,
      );
      process.stdout.write(`${token}\n`);
    });
  tokens
    .command('list')
    .description('list the tokens of a file; the tokens themselves are not in it')
    .option('--file <path>', 'the tokens file', FILE_DEFAULT)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ sluice tokens list --file /etc/sluice/tokens')
    .action(async (flags: { readonly file: string; readonly json?: boolean }) => {
      const entries = (await readTokens(flags.file)).map(({ name, role, hash }) => ({
        name,
        role,
        sha256: hash.toString('hex'),
      }));
      const rows = entries.map(({ name, role, sha256 }) => [name, role, sha256.slice(0, 12)]);
      const text = table([{ title: 'name' }, { title: 'role' }, { title: 'sha256' }], rows);
      process.stdout.write(`${flags.json === true ? JSON.stringify(entries, null, 2) : text}\n`);
    });
}
