import type { Brush } from '../brush.ts';
import { type Colour, darker, lighter } from '../colour.ts';
import type { Random } from '../random.ts';
import { circle, type Point, path, rectangle } from '../svg.ts';
import type { Drawing } from './drawing.ts';

const LAMPS: readonly Colour[] = ['#ff3b30', '#ffb700', '#2bd45a'];
const SPACING = 22;
const RADIUS = 8.6;

/** A pole with a housing of three lamps, upright or lying; one lamp is lit (or red and amber). */
export function drawTrafficLight(random: Random, brush: Brush): Drawing {
  const lying = random.chance(0.15);
  const poleHeight = random.between(28, 75);
  const housing = brush.surface(
    random.pick<Colour>(['#24282c', '#2f3437', '#e0a919', '#26392f', '#3a3f45']),
  );
  const pole = brush.surface(random.pick<Colour>(['#6b7378', '#4a4f52', '#8b9195', '#3b4a42']));
  const across = lying ? SPACING * 3 + 4 : 28;
  const upright = lying ? 28 : SPACING * 3 + 4;
  const box = { x: -across / 2, y: -poleHeight - upright, width: across, height: upright };
  const parts = [
    rectangle(
      { x: -3, y: -poleHeight - 4, width: 6, height: poleHeight + 4 },
      brush.gradient('across', [lighter(pole, 0.2), pole, darker(pole, 0.35)]),
    ),
    rectangle({ x: -7, y: -4, width: 14, height: 4 }, darker(pole, 0.3), { rx: 1.5 }),
  ];
  const backed = random.chance(0.45);
  if (backed) {
    const board = { x: box.x - 5, y: box.y - 5, width: across + 10, height: upright + 10 };
    const rim = brush.surface(random.pick<Colour>(['#f4f4f0', '#f2c230', '#1a1d20']));
    parts.push(rectangle(board, '#15181b', { rx: 6, stroke: rim, 'stroke-width': 1.8 }));
  }
  parts.push(
    rectangle(box, brush.gradient('across', [lighter(housing, 0.14), housing, darker(housing)]), {
      rx: 6,
    }),
  );
  const phase = random.pick<readonly boolean[]>([
    [true, false, false],
    [true, false, false],
    [false, true, false],
    [false, false, true],
    [false, false, true],
    [true, true, false],
  ]);
  LAMPS.forEach((colour, index) => {
    const along = (index - 1) * SPACING;
    const middle = box.y + upright / 2;
    const centre: Point = lying ? [along, middle] : [0, middle + along];
    parts.push(drawLamp(brush, colour, phase[index] === true, centre));
  });
  return {
    svg: parts.join(''),
    width: across + (backed ? 12 : 2),
    height: poleHeight + upright + (backed ? 6 : 0),
    tiltMax: 4,
  };
}

function drawLamp(brush: Brush, colour: Colour, isLit: boolean, centre: Point): string {
  const [x, y] = centre;
  const visor = path(
    `M${x - RADIUS - 1.6},${y} a${RADIUS + 1.6},${RADIUS + 1.6} 0 0 1 ${2 * RADIUS + 3.2},0`,
    'none',
    { stroke: '#0c0e10', 'stroke-width': 2.4, 'stroke-linecap': 'round' },
  );
  if (!isLit) {
    return circle(centre, RADIUS, darker(brush.surface(colour), 0.74)) + visor;
  }
  const strength = brush.isDark ? 0.75 : 0.4;
  return [
    circle(centre, RADIUS * 2.3, brush.halo(colour, strength)),
    circle(centre, RADIUS, colour),
    circle([x - 1.5, y - 1.5], RADIUS * 0.55, lighter(colour, 0.5), { opacity: 0.75 }),
    visor,
  ].join('');
}
