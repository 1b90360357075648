import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { runCommand } from '../run-command.ts';
import { ROOT } from '../sluice-process.ts';

const FOLDER = join(ROOT, 'ansible');
const PLAYBOOK_TIMEOUT_MS = 900_000;

export interface HostRecap {
  readonly ok: number;
  readonly changed: number;
  readonly unreachable: number;
  readonly failed: number;
}

export interface PlaybookResult {
  readonly code: number | null;
  readonly output: string;
  readonly recap: ReadonlyMap<string, HostRecap>;
}

/** A group's hosts, each with its variables; or the groups that a group is made of. */
export type InventoryGroup =
  | { readonly hosts: Readonly<Record<string, Readonly<Record<string, unknown>>>> }
  | { readonly children: Readonly<Record<string, object>> };

export interface Inventory {
  readonly all: { readonly vars: Readonly<Record<string, unknown>> };
  readonly [group: string]: InventoryGroup | { readonly vars: Readonly<Record<string, unknown>> };
}

export function writeInventory(file: string, inventory: Inventory): void {
  writeFileSync(file, JSON.stringify(inventory, null, 2));
}

/** Runs one of the playbooks of ansible/ as an operator would, from that folder. */
export async function runPlaybook(
  playbook: string,
  options: {
    /** A file, or a script that prints one. */
    readonly inventory: string;
    readonly variables?: Readonly<Record<string, unknown>>;
    readonly args?: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
  },
): Promise<PlaybookResult> {
  const { inventory, variables = {}, args = [], env = {} } = options;
  const { code, output } = await runCommand(
    'ansible-playbook',
    ['-i', inventory, playbook, '-e', JSON.stringify(variables), ...args],
    {
      cwd: FOLDER,
      timeoutMs: PLAYBOOK_TIMEOUT_MS,
      env: {
        ANSIBLE_CONFIG: join(FOLDER, 'ansible.cfg'),
        ANSIBLE_NOCOLOR: '1',
        ANSIBLE_HOST_KEY_CHECKING: 'False',
        LANG: 'C.UTF-8',
        // Node of the project, for the sluice command of the control machine.
        PATH: `${join(ROOT, 'node_modules', '.bin')}:${process.env['PATH']}`,
        ...env,
      },
    },
  );
  return { code, output, recap: recapOf(output) };
}

/** Everything went well, on every host. */
export async function mustPlay(
  ...args: Parameters<typeof runPlaybook>
): Promise<ReadonlyMap<string, HostRecap>> {
  const { code, output, recap } = await runPlaybook(...args);
  if (code === 0) return recap;
  throw new Error(`ansible-playbook ${args[0]} ended with ${code}:\n${output}`);
}

function recapOf(output: string): ReadonlyMap<string, HostRecap> {
  const line = /^(\S+)\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)/gm;
  return new Map(
    [...output.matchAll(line)].map(([, host = '', ok, changed, unreachable, failed]) => [
      host,
      {
        ok: Number(ok),
        changed: Number(changed),
        unreachable: Number(unreachable),
        failed: Number(failed),
      },
    ]),
  );
}
