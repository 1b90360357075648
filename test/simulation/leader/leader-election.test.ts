import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulate } from './simulation.ts';

const given = process.env['SLUICE_SEED'];
const seeds =
  given === undefined ? Array.from({ length: 300 }, (_, seed) => seed + 1) : [Number(given)];

test('when clocks, processes and storage do their worst, then epochs only grow and one leads at a time', () => {
  let terms = 0;
  let writes = 0;
  for (const seed of seeds) {
    try {
      const result = simulate(seed);
      terms += result.terms;
      writes += result.recordWrites;
    } catch (error) {
      const replay = `SLUICE_SEED=${seed} npx node --test test/simulation/leader/leader-election.test.ts`;
      throw new Error(`seed ${seed} failed; replay: ${replay}`, { cause: error });
    }
  }
  if (given !== undefined) return;
  // The simulation is worth its time only while leaders change and write.
  assert.ok(terms > 2 * seeds.length, `${terms} terms`);
  assert.ok(writes > 100 * seeds.length, `${writes} writes`);
});
