/**
 * The alerts of certificates and strangers, on a cluster with TLS and tokens that Prometheus scrapes with
 * the shipped configuration for one; each clears when its cause is gone.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MonitoredCluster } from '../support/monitoring/monitored-cluster.ts';
import {
  DAY_MS,
  type SecuredMonitoring,
  startSecuredMonitoring,
} from '../support/monitoring/secured-monitoring.ts';
import { flood } from '../support/security/strangers.ts';

const FLOOD = { count: 100, openMax: 50, waitMs: 200 };

test('when certificates are about to expire, or strangers come, then alerts say so until they do not', {
  concurrency: true,
}, async (t) => {
  const secured = await startSecuredMonitoring(t);
  await Promise.all([
    t.test('a certificate is about to expire', () => expiringCertificate(secured)),
    t.test('strangers come', () => strangers(secured)),
  ]);
});

async function expiringCertificate(secured: SecuredMonitoring): Promise<void> {
  const { cluster, taskManager } = secured;
  const [soon, now] = ['SluiceCertificateExpiresSoon', 'SluiceCertificateExpiresNow'];
  await secured.reissue(DAY_MS);
  const instance = taskManager.address;
  await Promise.all([cluster.fires(soon, { instance }), cluster.fires(now, { instance })]);
  await secured.reissue(5 * DAY_MS);
  await cluster.clears(now);
  assert.deepEqual(await firing(cluster, soon), [instance]);
  await secured.reissue(60 * DAY_MS);
  await cluster.clears(soon);
}

async function firing(cluster: MonitoredCluster, name: string): Promise<(string | undefined)[]> {
  const alerts = (await cluster.prometheus.alerts()).filter((alert) => alert.name === name);
  return alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels.instance);
}

/** On the metrics of a task manager, for as long as nobody has noticed. */
async function strangers({ cluster, taskManager }: SecuredMonitoring): Promise<void> {
  const port = Number(new URL(`https://${taskManager.address}`).port);
  const labels = { instance: taskManager.address, listener: 'metrics' };
  let isNoticed = false;
  const noticed = cluster.fires('SluiceConnectionsRefused', labels).finally(() => {
    isNoticed = true;
  });
  while (!isNoticed) await flood(port, FLOOD);
  await noticed;
  await cluster.clears('SluiceConnectionsRefused');
}
