import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RestClient } from '../../../shared/rest/rest-client.ts';
import { type SluiceResult, sluice } from '../sluice-process.ts';
import type { LocalHosts } from './local-hosts.ts';

/** What an operator's machine does with a cluster that Ansible deployed from it. */
export class ControlMachine {
  /** What the commands need to reach the cluster. */
  readonly environment: Readonly<Record<string, string>>;
  readonly #secrets: string;

  constructor(options: {
    /** REST URLs of the job managers. */
    readonly jobManagers: readonly string[];
    /** The folder that Ansible keeps authority and tokens in. */
    readonly secrets: string;
    /** Of the S3 server: endpoint and credentials. */
    readonly storage: Readonly<Record<string, string>>;
  }) {
    this.#secrets = options.secrets;
    this.environment = {
      SLUICE_JOB_MANAGER: options.jobManagers.join(','),
      SLUICE_AUTHORITY: join(options.secrets, 'ca', 'ca.crt'),
      SLUICE_TOKEN_FILE: join(options.secrets, 'admin.token'),
      ...options.storage,
    };
  }

  sluice(...args: string[]): Promise<SluiceResult> {
    return sluice(args, { env: this.environment });
  }

  /** A client with the administrator's token. */
  client(): RestClient {
    return new RestClient(this.environment['SLUICE_JOB_MANAGER'] ?? '', {
      token: readFileSync(join(this.#secrets, 'admin.token'), 'utf8').trim(),
      authority: readFileSync(join(this.#secrets, 'ca', 'ca.crt'), 'utf8'),
    });
  }
}

/** Process ids of the services, by host; 0 where one does not run. */
export async function serviceProcesses(
  hosts: LocalHosts,
  names: { readonly jobManagers: readonly string[]; readonly taskManagers: readonly string[] },
): Promise<Readonly<Record<string, string>>> {
  const { jobManagers, taskManagers } = names;
  const found = await Promise.all(
    [...jobManagers, ...taskManagers].map(async (name) => {
      const unit = jobManagers.includes(name) ? 'sluice-jobmanager' : 'sluice-taskmanager';
      const line = `systemctl show --property=MainPID --value ${unit}`;
      return [name, (await hosts.host(name).run(line)).stdout.trim()] as const;
    }),
  );
  return Object.fromEntries(found);
}
