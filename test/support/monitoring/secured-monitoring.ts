import { cpSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { createToken } from '../../../cli/security/create-token.ts';
import { TestAuthority, tlsArguments } from '../security/test-authority.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import {
  type Member,
  MonitoredCluster,
  type MonitoredClusterOptions,
} from './monitored-cluster.ts';

export const DAY_MS = 86_400_000;

export interface SecuredMonitoring {
  readonly cluster: MonitoredCluster;
  readonly jobManager: Member;
  readonly taskManager: Member;
  /** A new certificate in place of the task manager's. */
  reissue(lifeMs: number): Promise<void>;
}

/**
 * A job manager and a task manager with TLS and tokens, scraped by a Prometheus with the shipped
 * configuration for such a cluster.
 */
export async function startSecuredMonitoring(
  context: TestContext,
  options: Pick<MonitoredClusterOptions, 'env'> & { readonly storage?: string } = {},
): Promise<SecuredMonitoring> {
  const folder = temporaryFolder(context);
  const name = 'test authority';
  const authority = await TestAuthority.create(join(folder, 'ca'), name, 400 * DAY_MS);
  const lasting = (lifeMs: number) => ({ notAfter: new Date(Date.now() + lifeMs) });
  const issue = (name: 'job-manager' | 'task-manager' | 'metrics') =>
    authority.issue(name, { roles: [name], ...lasting(60 * DAY_MS) });
  const metrics = await issue('metrics');
  cpSync(dirname(metrics.certificate), join(folder, 'tls'), { recursive: true });
  const tokens = join(folder, 'tokens');
  const token = await createToken({ file: tokens, name: 'prometheus', role: 'viewer' });
  writeFileSync(join(folder, 'sluice.token'), `${token}\n`);
  const operator = await createToken({ file: tokens, name: 'test', role: 'operator' });
  const cluster = await MonitoredCluster.start(
    context,
    {
      ...options,
      config: 'prometheus-tls.yml',
      rest: { token: operator, authority: authority.certificate },
    },
    folder,
  );
  const { storage = join(folder, 'storage') } = options;
  const jobManager = await cluster.jobManager('leader', [
    ...['--storage', storage, '--tokens', tokens, ...tlsArguments(await issue('job-manager'))],
  ]);
  const taskManager = await cluster.taskManager('worker', [
    ...['--slots', '2', ...tlsArguments(await issue('task-manager'))],
  ]);
  return {
    ...{ cluster, jobManager, taskManager },
    reissue: (lifeMs) =>
      authority.reissue('task-manager', { roles: ['task-manager'], ...lasting(lifeMs) }),
  };
}
