import { randomBytes } from 'node:crypto';

/** Where ids come from: injected, so that tests and simulations can repeat them. */
export interface Ids {
  readonly newJobId: () => string;
  readonly newJobManagerId: () => string;
}

export const randomIds: Ids = {
  newJobId: () => randomBytes(8).toString('hex'),
  newJobManagerId: () => `jm-${randomBytes(4).toString('hex')}`,
};
