import type { Brush } from '../brush.ts';
import { type Colour, darker, hsl, lighter } from '../colour.ts';
import type { Random } from '../random.ts';
import { ellipse, type Point, path, polygon, rectangle, stroke } from '../svg.ts';
import type { Drawing } from './drawing.ts';
import { drawTyre } from './tyre.ts';

/** Where the roof begins and ends, and the foot of each screen; x from -70 (rear) to 70 (front). */
interface Shape {
  readonly rearFoot: number;
  readonly roofRear: number;
  readonly roofFront: number;
  readonly frontFoot: number;
  readonly roof: number;
  readonly waist: number;
}

const SALOON: Shape = {
  rearFoot: -52,
  roofRear: -34,
  roofFront: 12,
  frontFoot: 34,
  roof: -47,
  waist: -29,
};
const HATCHBACK: Shape = { ...SALOON, rearFoot: -66, roofRear: -54, roofFront: 10, roof: -49 };
const ESTATE: Shape = {
  ...SALOON,
  rearFoot: -68,
  roofRear: -62,
  roofFront: 14,
  roof: -52,
  waist: -31,
};
const COUPE: Shape = {
  ...SALOON,
  rearFoot: -60,
  roofRear: -26,
  roofFront: 4,
  roof: -43,
  waist: -27,
};

/** A car from the side, driving to the right: saloon, hatchback, estate or coupé. */
export function drawCar(random: Random, brush: Brush): Drawing {
  const shape = random.pick<Shape>([SALOON, HATCHBACK, ESTATE, COUPE]);
  const colour = brush.surface(bodyColour(random));
  const glass = brush.surface(brush.isDark ? '#4b5b6e' : '#a9cbdc');
  const parts = [
    drawBody(brush, shape, colour),
    drawWindows(shape, glass, colour),
    rectangle({ x: -66, y: -11, width: 132, height: 4 }, darker(colour, 0.45), { rx: 2 }),
    stroke(darker(colour, 0.3), 0.9, [-8, shape.waist + 3], [-9, -13]),
    stroke(lighter(colour, 0.28), 1, [-40, -24], [60, -23]),
    rectangle({ x: -4, y: -23.5, width: 7, height: 1.8 }, darker(colour, 0.4), { rx: 0.9 }),
    rectangle({ x: -70, y: -25, width: 6, height: 6 }, '#d8232a', { rx: 1.5 }),
    ellipse([66, -20.5], [4, 3.4], brush.isDark ? '#fff3b8' : brush.surface('#eef2f2')),
  ];
  if (brush.isDark) {
    const beam: Point[] = [
      [68, -21],
      [112, -28],
      [112, -2],
    ];
    parts.push(polygon(beam, brush.gradient('across', ['#fff1b0', '#fff1b0']), { opacity: 0.22 }));
  }
  if (random.chance(0.15)) {
    const box = { x: (shape.roofRear + shape.roofFront) / 2 - 8, y: shape.roof - 6 };
    parts.push(rectangle({ ...box, width: 16, height: 6 }, brush.surface('#f5d23c'), { rx: 1.5 }));
  }
  const size = random.between(11.5, 13.5);
  parts.push(drawTyre([-43, -size], size, brush), drawTyre([43, -size], size, brush));
  return { svg: parts.join(''), width: 142, height: -shape.roof + 1, tiltMax: 3 };
}

function bodyColour(random: Random): Colour {
  if (random.chance(0.4)) {
    return random.pick<Colour>(['#f2f2ef', '#b9bec2', '#54595e', '#26282b', '#7d8790']);
  }
  return hsl(random.between(0, 360), random.between(0.5, 0.85), random.between(0.35, 0.55));
}

function drawBody(brush: Brush, shape: Shape, colour: Colour): string {
  const { rearFoot, roofRear, roofFront, frontFoot, roof, waist } = shape;
  const outline =
    `M-70,-12 L-71,${waist + 7} Q-71,${waist} ${rearFoot},${waist}` +
    ` C${rearFoot + 4},${waist - 6} ${roofRear - 6},${roof} ${roofRear + 4},${roof}` +
    ` L${roofFront - 4},${roof} C${roofFront + 6},${roof} ${frontFoot - 8},${waist - 3}` +
    ` ${frontFoot},${waist} Q66,${waist + 3} 70,${waist + 11} L71,-11 Q71,-8 66,-8 L-66,-8 Q-70,-8 -70,-12 Z`;
  return path(
    outline,
    brush.gradient('down', [lighter(colour, 0.18), colour, darker(colour, 0.25)]),
  );
}

function drawWindows(shape: Shape, glass: Colour, colour: Colour): string {
  const { rearFoot, roofRear, roofFront, frontFoot, roof, waist } = shape;
  const sill = waist + 1;
  const outline: Point[] = [
    [rearFoot + 8, sill],
    [roofRear + 4, roof + 4],
    [roofFront - 1, roof + 4],
    [frontFoot - 7, sill],
  ];
  const pillar = -8;
  return [
    polygon(outline, glass),
    polygon(
      [
        [roofFront - 10, roof + 4],
        [roofFront - 2, roof + 4],
        [roofFront - 6, sill],
        [roofFront - 16, sill],
      ],
      lighter(glass, 0.45),
      { opacity: 0.6 },
    ),
    stroke(darker(colour, 0.2), 2.6, [pillar, roof + 3], [pillar, sill]),
  ].join('');
}
