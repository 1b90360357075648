import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { mustRun } from '../support/run-command.ts';
import { ROOT, sluice } from '../support/sluice-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const FOLDER = join(ROOT, 'packaging/kubernetes');
const VALIDATE = join(ROOT, '.cache/linters/bin/kubernetes-validate');

interface Pod {
  readonly terminationGracePeriodSeconds: number;
  readonly securityContext: { readonly runAsNonRoot: boolean };
  readonly containers: readonly {
    readonly ports: readonly { readonly containerPort: number }[];
    readonly securityContext: Readonly<Record<string, unknown>>;
    readonly startupProbe?: object;
    readonly readinessProbe?: object;
    readonly livenessProbe?: object;
    readonly resources: { readonly requests: object; readonly limits: { readonly memory: string } };
  }[];
}

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: {
    readonly replicas?: number;
    readonly template?: { readonly spec: Pod };
    readonly ports?: readonly { readonly port: number }[];
  };
}

const files = readdirSync(FOLDER).filter((file) => file !== 'kustomization.yaml');
const manifests = files.flatMap((file) =>
  parseAllDocuments(readFileSync(join(FOLDER, file), 'utf8')).map(
    (document) => document.toJS() as Manifest,
  ),
);

function manifest(kind: string, name: string): Manifest {
  const found = manifests.find((each) => each.kind === kind && each.metadata.name === name);
  assert.ok(found !== undefined, `${kind} ${name}`);
  return found;
}

const configuration = manifest('ConfigMap', 'sluice').data?.['sluice.yaml'] ?? '';

test('when a manifest is checked by its schema, then every field is known and right', async () => {
  assert.ok(existsSync(VALIDATE), 'run test/support/install-linters.sh first');
  for (const file of files) await mustRun(VALIDATE, ['--strict', join(FOLDER, file)]);
});

test('when the kustomization is applied, then no manifest is left out', () => {
  const { resources } = parse(readFileSync(join(FOLDER, 'kustomization.yaml'), 'utf8'));
  assert.deepEqual(resources.toSorted(), files.toSorted());
});

test('when pods read the configuration, then Sluice knows every key of it', async (context) => {
  const file = join(temporaryFolder(context), 'sluice.yaml');
  writeFileSync(file, configuration);
  const { code, stdout, stderr } = await sluice(['config', '--config', file]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /sluice-jobmanager-0/);
});

test('when pods listen, then on the ports that the configuration and the services name', () => {
  const { jobManager, taskManager } = parse(configuration);
  const wanted = {
    'sluice-jobmanager': [jobManager.rpcPort, jobManager.restPort],
    'sluice-taskmanager': [taskManager.dataPort, taskManager.metricsPort],
  };
  for (const [name, ports] of Object.entries(wanted)) {
    const pod = manifest('StatefulSet', name).spec?.template?.spec;
    assert.deepEqual(
      pod?.containers[0]?.ports.map(({ containerPort }) => containerPort),
      ports,
    );
    assert.deepEqual(
      manifest('Service', name).spec?.ports?.map(({ port }) => port),
      ports,
    );
  }
});

test('when there are so many job managers, then task managers know all of them', () => {
  const { jobManager } = parse(configuration);
  const replicas = manifest('StatefulSet', 'sluice-jobmanager').spec?.replicas ?? 0;
  assert.ok(replicas >= 2);
  assert.deepEqual(
    jobManager.address.split(','),
    Array.from(
      { length: replicas },
      (_, index) =>
        `sluice-jobmanager-${index}.sluice-jobmanager.sluice.svc.cluster.local:${jobManager.rpcPort}`,
    ),
  );
});

test('when a pod ends, then there is time to drain, and it never had rights to lose', () => {
  const { drainTimeout } = parse(configuration);
  const seconds = Number(/^(\d+)s$/.exec(drainTimeout)?.[1]);
  for (const name of ['sluice-jobmanager', 'sluice-taskmanager']) {
    const pod = manifest('StatefulSet', name).spec?.template?.spec;
    assert.ok(pod !== undefined);
    if (name === 'sluice-taskmanager') {
      assert.ok(pod.terminationGracePeriodSeconds > seconds + 30);
    }
    const [container] = pod.containers;
    assert.equal(pod.securityContext.runAsNonRoot, true);
    assert.deepEqual(container?.securityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    assert.ok(container.startupProbe && container.readinessProbe && container.livenessProbe);
    assert.ok(container.resources.limits.memory);
    manifest('PodDisruptionBudget', name);
    manifest('NetworkPolicy', name);
  }
});
