import process from 'node:process';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { PEER_ROLES, type PeerRole } from '../../shared/security/peer-role.ts';
import { systemClock } from '../../shared/time/system-clock.ts';
import { integerBetween } from '../numbers.ts';

interface InitFlags {
  readonly directory: string;
  readonly name: string;
  readonly days: number;
}

interface IssueFlags {
  readonly role: readonly PeerRole[];
  readonly name: string;
  readonly host?: readonly string[];
  readonly days: number;
  readonly ca: string;
  readonly directory: string;
}

const CA_DIRECTORY = 'sluice-ca';
const DAYS_MAX = 36_500;

/** `sluice certs`: a private authority, and the certificates of a cluster's processes. */
export function addCertsCommands(program: Command): void {
  const certs = program
    .command('certs')
    .description('make the certificates with which the processes of a cluster know each other')
    .addHelpText(
      'after',
      '\nExamples:\n  $ sluice certs init\n' +
        '  $ sluice certs issue --role job-manager --name jm-1 --host 10.0.0.5 --directory jm-1\n' +
        '  $ sluice certs show jm-1/tls.crt',
    );
  certs
    .command('init')
    .description('make a private authority: ca.crt for everybody, ca.key for nobody else')
    .option('--directory <folder>', 'where to put it', CA_DIRECTORY)
    .option('--name <text>', 'its name, for people', 'Sluice authority')
    .option('--days <n>', 'how long it is valid', integerBetween(1, DAYS_MAX), 3_650)
    .addHelpText('after', '\nExample:\n  $ sluice certs init --directory ~/sluice-ca')
    .action(async (flags: InitFlags) => {
      const { initAuthority } = await import('../security/certificate-files.ts');
      print(await initAuthority({ ...flags, nowMs: systemClock.nowMs() }));
    });
  certs
    .command('issue')
    .description('make a certificate for one process: tls.crt, tls.key and ca.crt')
    .addOption(
      new Option('--role <role>', 'what it may be (repeatable)')
        .argParser(collectRole)
        .makeOptionMandatory(),
    )
    .requiredOption('--name <name>', 'its name, for people')
    .option('--host <name>', 'a host name or address it is reached at (repeatable)', collect)
    .option('--days <n>', 'how long it is valid', integerBetween(1, DAYS_MAX), 365)
    .option('--ca <folder>', 'where `certs init` put the authority', CA_DIRECTORY)
    .requiredOption('--directory <folder>', 'where to put the files')
    .addHelpText(
      'after',
      '\nExample:\n  $ sluice certs issue --role task-manager --name tm-1 --host tm-1 ' +
        '--directory out/tm-1',
    )
    .action(async (flags: IssueFlags) => {
      const { issueFiles } = await import('../security/certificate-files.ts');
      const { role: roles, host: hosts = [] } = flags;
      print(await issueFiles({ ...flags, roles, hosts, nowMs: systemClock.nowMs() }));
    });
  certs
    .command('show')
    .description('show what certificates say: role, names, how long they are valid')
    .argument('<file...>', 'PEM files')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ sluice certs show /etc/sluice/tls/tls.crt')
    .action(async (files: readonly string[], flags: { readonly json?: boolean }) => {
      const { describeFiles, certificatesText } = await import('../security/show-certificates.ts');
      const found = await describeFiles(files, systemClock.nowMs());
      print(flags.json === true ? JSON.stringify(found, null, 2) : certificatesText(found));
    });
}

function collectRole(text: string, previous: readonly PeerRole[] = []): readonly PeerRole[] {
  const role = PEER_ROLES.find((each) => each === text);
  if (role === undefined) {
    throw new InvalidArgumentError(`Allowed choices are ${PEER_ROLES.join(', ')}.`);
  }
  return previous.includes(role) ? previous : [...previous, role];
}

function collect(text: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, text];
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
