import type { Brush } from '../brush.ts';
import { type Colour, darker, lighter } from '../colour.ts';
import type { Random } from '../random.ts';
import { circle, path, rectangle } from '../svg.ts';
import type { Drawing } from './drawing.ts';

const PAINTS: readonly [Colour, ...Colour[]] = [
  '#d22f27',
  '#c8281f',
  '#e2402f',
  '#f0b323',
  '#f2c94c',
  '#2f6fb3',
  '#e8762c',
];

/** A hydrant: flange, barrel, bonnet, two side nozzles with caps and one in front. */
export function drawFireHydrant(random: Random, brush: Brush): Drawing {
  const colour = brush.surface(random.pick(PAINTS));
  const caps = brush.surface(
    random.chance(0.5)
      ? random.pick<Colour>(['#e9e6df', '#c9ced1', '#2f5f9e', '#f2c94c'])
      : '#8b2018',
  );
  const half = random.between(12, 15);
  const top = -random.between(44, 54);
  const round = (tone: Colour) =>
    brush.gradient('across', [lighter(tone, 0.3), tone, darker(tone, 0.35)]);
  const nozzle = top + 16;
  const parts = [
    rectangle(
      { x: -half - 6, y: -6, width: half * 2 + 12, height: 6 },
      round(darker(colour, 0.1)),
      {
        rx: 1.5,
      },
    ),
    rectangle({ x: -half - 11, y: nozzle - 6, width: half * 2 + 22, height: 12 }, round(colour)),
    rectangle({ x: -half - 15, y: nozzle - 8, width: 6, height: 16 }, round(caps), { rx: 1.5 }),
    rectangle({ x: half + 9, y: nozzle - 8, width: 6, height: 16 }, round(caps), { rx: 1.5 }),
    rectangle({ x: -half, y: top, width: half * 2, height: -top - 5 }, round(colour)),
    rectangle(
      { x: -half - 3, y: -14, width: half * 2 + 6, height: 4 },
      round(darker(colour, 0.15)),
    ),
    rectangle({ x: -half - 4, y: top - 3, width: half * 2 + 8, height: 5.5 }, round(colour), {
      rx: 1.5,
    }),
    path(
      `M${-half - 1},${top - 3} Q${-half},${top - 18} 0,${top - 18} Q${half},${top - 18} ${half + 1},${top - 3} Z`,
      round(random.chance(0.4) ? caps : colour),
    ),
    rectangle({ x: -3.5, y: top - 23, width: 7, height: 6 }, round(caps), { rx: 1 }),
    circle([0, nozzle + 2], 8.5, darker(colour, 0.3)),
    circle([0, nozzle + 2], 7, caps),
    circle([0, nozzle + 2], 2.6, darker(caps, 0.35)),
  ];
  return { svg: parts.join(''), width: half * 2 + 31, height: -top + 23, tiltMax: 7 };
}
