import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { createToken } from '../../../cli/security/create-token.ts';
import type { TlsFiles } from '../../../shared/config/tls-files.ts';
import { RestClient } from '../../../shared/rest/rest-client.ts';
import { freePorts } from '../free-ports.ts';
import { sluice } from '../sluice-process.ts';
import { TestAuthority, type TestCertificate } from './test-authority.ts';

/** A cluster of processes with TLS and tokens, from one file, ended with the test. */
export interface SecuredCluster {
  /** The `sluice.yaml`. */
  readonly config: string;
  readonly directory: string;
  readonly rpcPort: number;
  readonly restPort: number;
  readonly restAddress: string;
  readonly authority: TestAuthority;
  /** Of its processes, all of which have the one certificate. */
  readonly tls: TlsFiles;
  /** A new certificate in place of the one that is there. */
  rotate(): Promise<void>;
  /** With a connection of its own. */
  client(): RestClient;
  logOf(name: string): string;
}

const CERTIFICATE: TestCertificate = { roles: ['job-manager', 'task-manager'] };

export async function startSecuredCluster(
  context: TestContext,
  args: readonly string[],
): Promise<SecuredCluster> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-secured-'));
  context.after(async () => {
    const down = await sluice(['cluster', 'down', '--directory', directory]);
    if (down.code !== 0) throw new Error(`cluster down failed:\n${down.stderr}`);
    rmSync(directory, { recursive: true, force: true });
  });
  const authority = await TestAuthority.create(join(directory, 'ca'));
  const tls = await authority.issue('cluster', CERTIFICATE);
  const tokensFile = join(directory, 'tokens');
  const token = await createToken({ file: tokensFile, name: 'test', role: 'operator' });
  const tokenFile = join(directory, 'token');
  writeFileSync(tokenFile, `${token}\n`, { mode: 0o600 });
  const [restPort = 0, rpcPort = 0] = await freePorts(2);
  const restAddress = `https://127.0.0.1:${restPort}`;
  const config = join(directory, 'sluice.yaml');
  mkdirSync(directory, { recursive: true });
  writeFileSync(
    config,
    `tls: { certificate: ${tls.certificate}, key: ${tls.key}, authority: ${tls.authority} }
jobManager: { tokens: ${tokensFile}, rpcPort: ${rpcPort}, restPort: ${restPort} }
client: { jobManager: "${restAddress}", tokenFile: ${tokenFile}, authority: ${tls.authority} }
`,
  );
  const up = await sluice([
    ...['cluster', 'up', '--directory', directory, '--config', config, ...args],
  ]);
  if (up.code !== 0) throw new Error(`cluster up failed:\n${up.stdout}\n${up.stderr}`);
  return {
    ...{ config, directory, rpcPort, restPort, restAddress, authority, tls },
    rotate: () => authority.reissue('cluster', CERTIFICATE),
    client: () => new RestClient(restAddress, { token, authority: authority.certificate }),
    logOf: (name) => readFileSync(join(directory, 'logs', `${name}.log`), 'utf8'),
  };
}
