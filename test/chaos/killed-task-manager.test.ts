import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createToken } from '../../cli/security/create-token.ts';
import { freePorts } from '../support/free-ports.ts';
import { TestAuthority, tlsArguments } from '../support/security/test-authority.ts';
import { SluiceProcess } from '../support/sluice-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Arguments of every process, for TLS. */
async function withTls(t: TestContext): Promise<readonly string[]> {
  const authority = await TestAuthority.create(temporaryFolder(t));
  return tlsArguments(await authority.issue('cluster', { roles: ['job-manager', 'task-manager'] }));
}

async function tokens(t: TestContext): Promise<readonly string[]> {
  const file = join(temporaryFolder(t), 'tokens');
  await createToken({ file, name: 'test', role: 'operator' });
  return ['--tokens', file];
}

for (const isSecure of [false, true]) {
  const how = isSecure ? 'over TLS' : 'without TLS';
  test(`when a task manager is killed, ${how}, then the end of its connection tells, not its silence`, async (t) => {
    const tls = isSecure ? await withTls(t) : [];
    const [restPort, rpcPort] = await freePorts(2);
    const ports = ['--rest-port', `${restPort}`, '--rpc-port', `${rpcPort}`];
    const start = (args: readonly string[]): SluiceProcess => {
      const started = new SluiceProcess([...args, ...tls]);
      t.after(async () => {
        started.child.kill('SIGKILL');
        await started.ended;
      });
      return started;
    };
    const jobManager = start(['jobmanager', ...ports, ...(isSecure ? await tokens(t) : [])]);
    await jobManager.until(/job manager ready/);
    const where = ['--id', 'victim', '--job-manager', `127.0.0.1:${rpcPort}`];
    const taskManager = start(['taskmanager', ...where, '--slots', '1']);
    await jobManager.until(/task manager registered/);
    taskManager.child.kill('SIGKILL');
    await jobManager.until(/task manager lost: its connection (was closed|broke)/);
  });
}
