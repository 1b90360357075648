import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MUTATIONS, type Mutation } from './simulated-world.ts';
import { simulate } from './simulation.ts';

/** Seeds that are tried; some find a bug at once, some only with a crash at the right moment. */
const SEEDS_MAX = 500;

async function firstSeedThatFinds(
  mutation: Mutation,
): Promise<{ readonly seed: number; readonly message: string } | null> {
  for (let seed = 1; seed <= SEEDS_MAX; seed += 1) {
    try {
      await simulate(seed, mutation);
    } catch (error) {
      return { seed, message: (error as Error).message };
    }
  }
  return null;
}

describe('simulated bugs', () => {
  for (const mutation of MUTATIONS) {
    it(`when the bug is ${mutation}, then a seed finds it`, async (context) => {
      const found = await firstSeedThatFinds(mutation);
      assert.notEqual(found, null, `no seed up to ${SEEDS_MAX} finds ${mutation}`);
      context.diagnostic(`${mutation}: seed ${found?.seed}: ${found?.message.split('\n')[0]}`);
    });
  }
});
