import type { Brush } from '../brush.ts';
import { type Colour, darker, hsl, lighter } from '../colour.ts';
import type { Random } from '../random.ts';
import { rectangle, stroke } from '../svg.ts';
import type { Drawing } from './drawing.ts';

/** A park bench from the front: slats for the back and the seat, iron legs, perhaps armrests. */
export function drawBench(random: Random, brush: Brush): Drawing {
  const half = random.between(48, 62);
  const wood = brush.surface(
    random.chance(0.75)
      ? random.pick<Colour>(['#a9713f', '#8a5a33', '#c08c56', '#6e4a30', '#b8a07c'])
      : hsl(random.between(90, 230), 0.45, 0.36),
  );
  const iron = brush.surface(random.pick<Colour>(['#25282b', '#3b4045', '#2c4034', '#70777c']));
  const seat = -random.between(22, 26);
  const back = seat - random.between(26, 32);
  const slats = random.integer(2, 4);
  const parts: string[] = [];
  for (const side of [-1, 1]) {
    const x = side * (half - 10);
    parts.push(
      stroke(iron, 4, [x, back - 2], [x, seat]),
      stroke(iron, 4, [x - 5, 0], [x - 2, seat + 2]),
      stroke(iron, 4, [x + 5, 0], [x + 2, seat + 2]),
    );
  }
  const pitch = (seat - back - 5) / slats;
  for (let slat = 0; slat < slats; slat++) {
    const box = { x: -half, y: back + slat * pitch, width: half * 2, height: pitch - 2.2 };
    const tone = lighter(wood, random.between(0, 0.12));
    parts.push(rectangle(box, brush.gradient('down', [tone, darker(tone, 0.15)]), { rx: 1.2 }));
  }
  parts.push(
    rectangle({ x: -half - 1, y: seat, width: half * 2 + 2, height: 4.6 }, lighter(wood, 0.2), {
      rx: 1,
    }),
    rectangle({ x: -half - 1, y: seat + 5, width: half * 2 + 2, height: 3.4 }, darker(wood, 0.25), {
      rx: 1,
    }),
  );
  if (random.chance(0.5)) {
    for (const side of [-1, 1]) {
      const x = side * (half - 2);
      parts.push(stroke(iron, 3.4, [x, seat + 3], [x, seat - 11], [x - side * 5, seat - 13]));
    }
  }
  return { svg: parts.join(''), width: half * 2 + 2, height: -back + 3, tiltMax: 3 };
}
