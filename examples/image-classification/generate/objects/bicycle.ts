import type { Brush } from '../brush.ts';
import { type Colour, darker, hsl } from '../colour.ts';
import type { Random } from '../random.ts';
import { circle, type Point, path, rectangle, stroke } from '../svg.ts';
import type { Drawing } from './drawing.ts';

/** A bicycle from the side: two spoked wheels, a frame, perhaps a basket and mudguards. */
export function drawBicycle(random: Random, brush: Brush): Drawing {
  const radius = random.between(21, 25);
  const rear: Point = [-31, -radius];
  const front: Point = [33, -radius];
  const frame = brush.surface(
    random.chance(0.25)
      ? random.pick<Colour>(['#26282b', '#f1f0ea', '#8c9297'])
      : hsl(random.between(0, 360), random.between(0.55, 0.9), random.between(0.35, 0.52)),
  );
  const tyre = brush.surface('#1d1e20');
  const metal = brush.surface('#a9b0b5');
  const pedals: Point = [-4, -radius + 1];
  const saddle: Point = [-14, -radius - random.between(27, 33)];
  const head: Point = [23, -radius - random.between(26, 31)];
  const bars: Point = [head[0] - 1, head[1] - random.between(5, 10)];
  const lowStep = random.chance(0.35);
  const thickness = random.between(2.8, 4.2);
  const seatTube: Point = [
    pedals[0] + (saddle[0] - pedals[0]) * 0.8,
    pedals[1] + (saddle[1] - pedals[1]) * 0.8,
  ];
  const parts = [
    drawWheel(rear, radius, tyre, metal, random),
    drawWheel(front, radius, tyre, metal, random),
    stroke(frame, thickness, rear, pedals, seatTube, rear),
    stroke(frame, thickness, pedals, [head[0] + 1, head[1] + 6]),
    lowStep ? '' : stroke(frame, thickness, seatTube, head),
    stroke(frame, thickness, bars, head, front),
    stroke(metal, 2.4, seatTube, saddle),
    stroke(brush.surface('#3b2a22'), 4.6, [saddle[0] - 7, saddle[1]], [saddle[0] + 6, saddle[1]]),
    drawHandlebar(bars, brush, random.chance(0.4)),
    circle(pedals, 5, 'none', { stroke: metal, 'stroke-width': 1.8 }),
    stroke(metal, 1.8, [pedals[0] - 5, pedals[1] + 6], pedals, [pedals[0] + 5, pedals[1] - 6]),
  ];
  if (random.chance(0.5)) {
    parts.push(drawMudguard(rear, radius + 3, frame), drawMudguard(front, radius + 3, frame));
  }
  if (random.chance(0.3)) {
    const weave = brush.surface('#b98a52');
    const basket = { x: bars[0] + 3, y: bars[1] + 1, width: 16, height: 12 };
    parts.push(rectangle(basket, weave, { rx: 2, stroke: darker(weave), 'stroke-width': 1 }));
  }
  return { svg: parts.join(''), width: 64 + radius * 2, height: -bars[1] + 4, tiltMax: 5 };
}

function drawWheel(centre: Point, radius: number, tyre: Colour, metal: Colour, random: Random) {
  const [x, y] = centre;
  const turn = random.between(0, Math.PI);
  const spokes = Array.from({ length: 7 }, (_, index) => {
    const angle = turn + (index * Math.PI) / 7;
    const reach: Point = [Math.cos(angle) * radius, Math.sin(angle) * radius];
    return stroke(metal, 0.7, [x - reach[0], y - reach[1]], [x + reach[0], y + reach[1]]);
  });
  return [
    ...spokes,
    circle(centre, radius - 1.4, 'none', { stroke: tyre, 'stroke-width': random.between(2.6, 4) }),
    circle(centre, radius - 4, 'none', { stroke: metal, 'stroke-width': 0.9 }),
    circle(centre, 2.6, metal),
  ].join('');
}

function drawHandlebar(bars: Point, brush: Brush, dropped: boolean): string {
  const [x, y] = bars;
  const grip = brush.surface('#22252a');
  if (!dropped) return stroke(grip, 3, [x - 9, y - 1], [x, y - 2], [x + 2, y + 1]);
  const bend = `M${x - 1},${y} h8 a6,6 0 0 1 0,12 h-5`;
  return path(bend, 'none', { stroke: grip, 'stroke-width': 3, 'stroke-linecap': 'round' });
}

function drawMudguard(centre: Point, radius: number, colour: Colour): string {
  const [x, y] = centre;
  const arc = `M${x - radius},${y - 2} A${radius},${radius} 0 0 1 ${x + radius * 0.75},${y - radius * 0.66}`;
  return path(arc, 'none', { stroke: darker(colour, 0.1), 'stroke-width': 2 });
}
