import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { JobDetail } from '../../shared/rest/rest-types.ts';
import { freePorts } from './free-ports.ts';
import { type SluiceOptions, sluice, sluiceJson } from './sluice-process.ts';

/** A cluster of processes, started with the command line and ended with the test. */
export interface LocalTestCluster {
  readonly restAddress: string;
  readonly directory: string;
  /** Submits, waits for the end, gives the job's detail. */
  submit(pipeline: string): Promise<JobDetail>;
  /** Any command that talks to this cluster and prints JSON. */
  json<T>(args: readonly string[]): Promise<T>;
  readonly where: readonly string[];
}

export async function startLocalCluster(
  context: TestContext,
  args: readonly string[],
  options: SluiceOptions = {},
): Promise<LocalTestCluster> {
  // Of its own: hooks run in the order of their registration, and the cluster has to end first.
  const directory = mkdtempSync(join(tmpdir(), 'sluice-cluster-'));
  const [restPort, rpcPort] = await freePorts(2);
  const restAddress = `http://127.0.0.1:${restPort}`;
  context.after(async () => {
    const down = await sluice(['cluster', 'down', '--directory', directory]);
    if (down.code !== 0) throw new Error(`cluster down failed:\n${down.stderr}`);
    rmSync(directory, { recursive: true, force: true });
  });
  const up = await sluice(
    ['cluster', 'up', '--directory', directory].concat(
      ['--rest-port', `${restPort}`, '--rpc-port', `${rpcPort}`],
      args,
    ),
    options,
  );
  if (up.code !== 0) throw new Error(`cluster up failed:\n${up.stdout}\n${up.stderr}`);
  const where = ['--job-manager', restAddress];
  return {
    restAddress,
    directory,
    where,
    submit: (pipeline) =>
      sluiceJson<JobDetail>(['submit', pipeline, '--json', '--no-progress', ...where], options),
    json: (command) => sluiceJson([...command, '--json', ...where], options),
  };
}
