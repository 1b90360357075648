import type { Brush } from '../brush.ts';
import { type Colour, darker, hsl, lighter } from '../colour.ts';
import type { Random } from '../random.ts';
import { circle, ellipse, type Point, path, stroke } from '../svg.ts';
import type { Drawing } from './drawing.ts';

const COATS: readonly [Colour, ...Colour[]] = [
  '#8a5a32',
  '#c99a5b',
  '#2a2624',
  '#e9e2d4',
  '#6f6a66',
  '#a8552c',
  '#d9b98a',
];

/** A dog from the side, facing right: four legs, a tail, ears that hang or stand, a collar. */
export function drawDog(random: Random, brush: Brush): Drawing {
  const coat = brush.surface(random.pick(COATS));
  const shade = darker(coat, 0.28);
  const legLength = random.between(16, 28);
  const girth = random.between(12, 16);
  const belly = -legLength;
  const back = belly - girth * 1.7;
  const stride = random.between(1, 7);
  const head: Point = [38, back - random.between(7, 13)];
  const parts = [
    stroke(shade, 6, [-25, belly - 6], [-25 + stride, -2]),
    stroke(shade, 6, [21, belly - 6], [21 - stride, -2]),
    drawTail(random, [-32, back + 6], coat),
    ellipse(
      [-1, belly - girth * 0.8],
      [33, girth],
      brush.gradient('down', [lighter(coat, 0.12), coat, shade]),
    ),
    stroke(coat, 6.6, [-28, belly - 8], [-28 - stride, -3], [-24 - stride, -2.4]),
    stroke(coat, 6.6, [24, belly - 8], [24 + stride, -3], [28 + stride, -2.4]),
    stroke(coat, 15, [24, back + 12], [head[0] - 3, head[1] + 3]),
  ];
  if (random.chance(0.3)) {
    const patch = random.pick<Colour>(['#f1ece1', '#3a2a20', '#7a4a28']);
    parts.push(ellipse([random.between(-18, 8), belly - girth], [9, 7], brush.surface(patch)));
  }
  if (random.chance(0.7)) {
    const collar = brush.surface(hsl(random.between(0, 360), 0.75, 0.48));
    parts.push(stroke(collar, 3.6, [24, back - 1], [37, back + 8]));
  }
  parts.push(drawHead(random, brush, head, coat));
  return { svg: parts.join(''), width: 102, height: -head[1] + 17, tiltMax: 4 };
}

function drawTail(random: Random, root: Point, coat: Colour): string {
  const [x, y] = root;
  const curl = random.pick<string>([
    `M${x + 4},${y + 4} Q${x - 12},${y - 4} ${x - 12},${y - 22}`,
    `M${x + 4},${y + 4} Q${x - 14},${y} ${x - 18},${y + 14}`,
    `M${x + 4},${y + 4} Q${x - 16},${y - 6} ${x - 7},${y - 19} q6,-5 9,1`,
  ]);
  const width = random.between(4, 7);
  return path(curl, 'none', { stroke: coat, 'stroke-width': width, 'stroke-linecap': 'round' });
}

function drawHead(random: Random, brush: Brush, head: Point, coat: Colour): string {
  const [x, y] = head;
  const shade = darker(coat, 0.35);
  const muzzle = random.between(9, 15);
  const hanging = `M${x - 7},${y - 8} Q${x - 15},${y - 3} ${x - 11},${y + 11} Q${x - 4},${y + 9} ${x - 1},${y - 7} Z`;
  const standing = `M${x - 9},${y - 3} L${x - 8},${y - 20} L${x + 3},${y - 8} Z`;
  return [
    stroke(lighter(coat, 0.1), 10, [x, y + 2], [x + muzzle, y + 4]),
    circle(head, 11, coat),
    path(random.chance(0.55) ? hanging : standing, shade),
    circle([x + muzzle + 4, y + 2], 2.8, brush.surface('#1a1515')),
    circle([x + 4, y - 2.5], 1.9, '#16110f'),
    stroke(shade, 1.2, [x + muzzle - 4, y + 7.5], [x + muzzle + 2, y + 7]),
  ].join('');
}
