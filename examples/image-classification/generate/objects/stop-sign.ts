import type { Brush } from '../brush.ts';
import { type Colour, darker, lighter } from '../colour.ts';
import type { Random } from '../random.ts';
import { group, type Point, path, polygon, rectangle } from '../svg.ts';
import type { Drawing } from './drawing.ts';

/** The word as strokes in boxes of 6 × 10, so that no font is needed. */
const LETTERS = [
  'M6,1.2 L4.6,0 H1.4 L0,1.4 V3.6 L1.4,4.8 L4.6,5.2 L6,6.6 V8.6 L4.6,10 H1.4 L0,8.8',
  'M0,0 H6 M3,0 V10',
  'M1.6,0 H4.4 L6,1.8 V8.2 L4.4,10 H1.6 L0,8.2 V1.8 Z',
  'M0,10 V0 H4.4 L6,1.4 V4 L4.4,5.4 H0',
] as const;

const RADIUS = 34;

/** A red octagon with STOP on it, on a post. */
export function drawStopSign(random: Random, brush: Brush): Drawing {
  const postHeight = random.between(30, 80);
  const red = brush.surface(random.pick<Colour>(['#c8191f', '#d42a2a', '#b3161c', '#c9303a']));
  const white = brush.surface('#f7f5f0');
  const post = brush.surface(random.pick<Colour>(['#8d9499', '#6a7075', '#a58a63', '#4f5a52']));
  const middle = -postHeight - RADIUS + 4;
  const face = [
    polygon(octagon(RADIUS), white),
    polygon(
      octagon(RADIUS - 2.8),
      brush.gradient('down', [lighter(red, 0.1), red, darker(red, 0.14)]),
    ),
    drawWord(white, random.between(2.3, 3.1)),
  ].join('');
  const postWidth = random.between(4, 6.5);
  const svg = [
    rectangle(
      { x: -postWidth / 2, y: middle, width: postWidth, height: -middle },
      brush.gradient('across', [lighter(post, 0.2), post, darker(post, 0.3)]),
    ),
    group(`translate(0 ${middle}) rotate(${random.between(-5, 5)})`, face),
  ].join('');
  return { svg, width: RADIUS * 2, height: postHeight + RADIUS * 2 - 4, tiltMax: 9 };
}

function octagon(radius: number): Point[] {
  return Array.from({ length: 8 }, (_, corner): Point => {
    const angle = ((corner + 0.5) * Math.PI) / 4;
    return [Math.cos(angle) * radius, Math.sin(angle) * radius];
  });
}

function drawWord(colour: Colour, weight: number): string {
  const letters = LETTERS.map((outline, index) =>
    path(outline, 'none', {
      transform: `translate(${(index * 8.6).toFixed(1)} 0)`,
      stroke: colour,
      'stroke-width': weight / 1.7,
      'stroke-linecap': 'round',
      'stroke-linejoin': 'round',
    }),
  );
  return group('translate(-27.2 -8.5) scale(1.7)', letters.join(''));
}
