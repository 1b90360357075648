import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulate } from './simulation.ts';

/** `SLUICE_SEED`: only this one. `SLUICE_RUNS`: so many schedules. */
const given = process.env['SLUICE_SEED'];
const RUNS = Number(process.env['SLUICE_RUNS'] ?? 800);
const seeds =
  given === undefined ? Array.from({ length: RUNS }, (_, seed) => seed + 1) : [Number(given)];

test('when tasks, job managers, messages and storage do their worst, then every record is visible once', async () => {
  const reached = new Map<string, number>();
  const count = (what: string, times = 1): void => {
    reached.set(what, (reached.get(what) ?? 0) + times);
  };
  for (const seed of seeds) {
    try {
      const result = await simulate(seed);
      count('restarts', result.restarts);
      count('leaders', result.leaders - 1);
      count('suspensions', result.suspensions);
      count('adoptions', result.adoptions);
      count('rescales', result.rescales);
      count('completed', result.completed);
      count('events', result.events);
      for (const point of result.crashedAt) count(point);
    } catch (error) {
      const file = 'test/simulation/checkpoint/checkpoint.test.ts';
      const replay = `SLUICE_SEED=${seed} npx node --test ${file}`;
      throw new Error(`seed ${seed} failed; replay: ${replay}`, { cause: error });
    }
  }
  if (process.env['SLUICE_VERBOSE'] !== undefined) console.log(Object.fromEntries(reached));
  if (given !== undefined) return;
  // The simulation is worth its time only while it reaches all that it is for.
  const points = [
    'metadata-asked',
    'metadata-written',
    'register-asked',
    'registered',
    'completing',
  ];
  for (const what of ['restarts', 'leaders', 'suspensions', 'adoptions', 'rescales', ...points]) {
    assert.ok((reached.get(what) ?? 0) > 10, `${what} among ${JSON.stringify([...reached])}`);
  }
});
