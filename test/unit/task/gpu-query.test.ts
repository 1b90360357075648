import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../../shared/time/system-clock.ts';
import { GpuMeter } from '../../../taskmanager/metrics/gpu-meter.ts';
import { GPU_QUERY_ARGUMENTS, parseGpuQuery } from '../../../taskmanager/metrics/gpu-query.ts';
import { eventually } from '../../support/eventually.ts';
import { GPU_QUERY_OUTPUT, GPU_QUERY_OUTPUT_VIRTUAL } from '../../support/gpu-query-output.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const MEBIBYTE = 1024 ** 2;

test('when nvidia-smi lists two cards, then both are read in base units', () => {
  assert.deepEqual(parseGpuQuery(GPU_QUERY_OUTPUT), [
    {
      index: '0',
      uuid: 'GPU-ad466f2f-575d-d949-35e0-9a7d912d974e',
      name: 'Tesla T4',
      utilization: 0.87,
      memoryUsedBytes: 7_234 * MEBIBYTE,
      memoryTotalBytes: 15_360 * MEBIBYTE,
      temperatureCelsius: 72,
      powerWatts: 68.94,
    },
    {
      index: '1',
      uuid: 'GPU-3410aa41-502b-5cf1-d8c4-58dc1c22fbc9',
      name: 'NVIDIA A100-SXM4-40GB',
      utilization: 0,
      memoryUsedBytes: 3 * MEBIBYTE,
      memoryTotalBytes: 40_960 * MEBIBYTE,
      temperatureCelsius: 31,
      powerWatts: null,
    },
  ]);
});

test('when a card does not tell, or something else is printed, then it is not made up', () => {
  const [virtual, ...others] = parseGpuQuery(GPU_QUERY_OUTPUT_VIRTUAL);
  assert.equal(others.length, 0);
  assert.equal(virtual?.utilization, null);
  assert.equal(virtual?.memoryUsedBytes, 512 * MEBIBYTE);
  assert.equal(virtual?.temperatureCelsius, null);
  const noDriver =
    "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n";
  assert.deepEqual(parseGpuQuery(noDriver), []);
  assert.deepEqual(parseGpuQuery(''), []);
  assert.deepEqual(
    parseGpuQuery(GPU_QUERY_OUTPUT.replaceAll('MiB', 'GiB'))[0]?.memoryUsedBytes,
    null,
  );
});

test('when there is such a command, then its output is read; without it there are no readings', async (t) => {
  const folder = temporaryFolder(t);
  const command = join(folder, 'nvidia-smi');
  const expected = GPU_QUERY_ARGUMENTS.join(' ');
  const script = `#!/bin/sh\n[ "$*" = "${expected}" ] || exit 2\ncat <<'END'\n${GPU_QUERY_OUTPUT}END\n`;
  writeFileSync(command, script);
  chmodSync(command, 0o755);
  const present = new GpuMeter({ clock: systemClock, command });
  const missing = new GpuMeter({ clock: systemClock, command: join(folder, 'nothing') });
  present.start();
  missing.start();
  await eventually(() => present.readings.length === 2);
  assert.deepEqual(missing.readings, []);
  present.stop();
  missing.stop();
});
