/** One object drawn in its own units: it stands on y = 0, upwards is negative, x = 0 is its middle. */
import type { Brush } from '../brush.ts';
import type { Random } from '../random.ts';

export interface Drawing {
  readonly svg: string;
  /** Width and height of what was drawn, in the object's units. */
  readonly width: number;
  readonly height: number;
  /** How far a tilt may go before the object looks wrong, degrees. */
  readonly tiltMax: number;
}

export type DrawObject = (random: Random, brush: Brush) => Drawing;
