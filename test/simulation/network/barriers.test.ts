import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulateBarriers } from './barrier-simulation.ts';

const given = process.env['SLUICE_SEED'];
const seeds =
  given === undefined ? Array.from({ length: 150 }, (_, seed) => seed + 1) : [Number(given)];

test('when barriers align, time out or overtake, then every completed checkpoint is a consistent cut', () => {
  let completed = 0;
  let unaligned = 0;
  for (const seed of seeds) {
    try {
      const outcome = simulateBarriers(seed);
      completed += outcome.completed;
      unaligned += outcome.unaligned;
    } catch (error) {
      const replay = `SLUICE_SEED=${seed} npx node --test test/simulation/network/barriers.test.ts`;
      throw new Error(`seed ${seed} failed; replay: ${replay}`, { cause: error });
    }
  }
  if (given !== undefined) return;
  // The simulation is worth its time only while it reaches both kinds.
  assert.ok(unaligned > 100, `${unaligned} of ${completed} checkpoints had something in flight`);
  assert.ok(completed - unaligned > 20, `${completed - unaligned} of ${completed} had nothing`);
});
