/**
 * Hosts to try playbooks on by hand: `node test/support/hosts/main.ts jm1 tm1 tm2`. Prints an inventory's
 * host lines; Ctrl-C removes the hosts.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalHosts } from './local-hosts.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-hosts-'));
const names = process.argv.slice(2);
const hosts = await LocalHosts.create(
  names.map((name) => ({ name })),
  { folder },
);
const inventory = Object.fromEntries(names.map((name) => [name, hosts.inventoryVariables(name)]));
process.stdout.write(`${JSON.stringify(inventory, null, 2)}\n`);
const alive = setInterval(() => {}, 60_000);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    clearInterval(alive);
    await hosts.destroy();
    rmSync(folder, { recursive: true, force: true });
  });
}
