import { test } from 'node:test';
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
  // A scrape that is lost among the strangers ends an alert for a moment.
  await cluster.fires(soon, { instance });
  await secured.reissue(60 * DAY_MS);
  await cluster.clears(soon);
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
