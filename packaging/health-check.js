/**
 * For a container's health check: ends with 0 where a connection to SLUICE_HEALTH_PORT (default: 8081, a
 * job manager's REST API) is taken. It needs neither certificate nor token, so it says nothing more.
 */
import { connect } from 'node:net';
import { hostname } from 'node:os';
import process from 'node:process';

const port = Number(process.env['SLUICE_HEALTH_PORT'] ?? 8081);
const host = process.env['SLUICE_HEALTH_HOST'] ?? hostname();
const socket = connect({ host, port, timeout: 4_000 }, () => process.exit(0));
socket.on('timeout', () => socket.destroy(new Error('no answer')));
socket.on('error', (error) => {
  process.stderr.write(`${host}:${port}: ${error.message}\n`);
  process.exit(1);
});
