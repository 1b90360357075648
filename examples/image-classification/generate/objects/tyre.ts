import type { Brush } from '../brush.ts';
import { darker } from '../colour.ts';
import { circle, type Point } from '../svg.ts';

/** A car's or a bus's wheel: tyre, rim and hub. */
export function drawTyre(centre: Point, radius: number, brush: Brush): string {
  const rim = brush.surface('#b8bec3');
  return [
    circle(centre, radius, brush.surface('#1b1c1e')),
    circle(centre, radius * 0.58, rim),
    circle(centre, radius * 0.44, darker(rim, 0.2)),
    circle(centre, radius * 0.16, brush.surface('#4a4e52')),
  ].join('');
}
