import type { Brush } from '../brush.ts';
import { type Colour, darker, hsl, lighter } from '../colour.ts';
import type { Random } from '../random.ts';
import { ellipse, rectangle } from '../svg.ts';
import type { Drawing } from './drawing.ts';
import { drawTyre } from './tyre.ts';

const HALF = 80;

/** A city bus from the side, driving to the right; every third one has an upper deck. */
export function drawBus(random: Random, brush: Brush): Drawing {
  const decks = random.chance(0.33) ? 2 : 1;
  const top = decks === 2 ? -104 : -random.between(64, 70);
  const colour = brush.surface(bodyColour(random));
  const trim = brush.surface(
    random.pick<Colour>(['#f5f3ee', '#2a3446', '#f2c230', '#e8e4da', '#383c40']),
  );
  const body = { x: -HALF, y: top, width: HALF * 2, height: -top - 8 };
  const parts = [
    rectangle(body, brush.gradient('down', [lighter(colour, 0.16), colour, darker(colour, 0.18)]), {
      rx: 7,
    }),
    rectangle({ x: -HALF, y: -24, width: HALF * 2, height: random.between(4, 9) }, trim),
    rectangle({ x: -HALF + 2, y: -12, width: HALF * 2 - 4, height: 5 }, darker(colour, 0.5), {
      rx: 2,
    }),
  ];
  const paneCount = random.integer(5, 7);
  parts.push(drawPanes(random, brush, { y: -57, height: 24, paneCount, stopAt: HALF - 26 }));
  if (decks === 2) {
    parts.push(drawPanes(random, brush, { y: -96, height: 22, paneCount, stopAt: HALF - 4 }));
  }
  parts.push(drawDoorAndFront(brush));
  if (decks === 1 && random.chance(0.4)) {
    const unit = { x: -random.between(10, 50), y: top - 5, width: 36, height: 6 };
    parts.push(rectangle(unit, darker(colour, 0.12), { rx: 2 }));
  }
  parts.push(drawTyre([-47, -12], 12, brush), drawTyre([38, -12], 12, brush));
  return { svg: parts.join(''), width: HALF * 2 + 2, height: -top + 2, tiltMax: 2.5 };
}

function bodyColour(random: Random): Colour {
  if (random.chance(0.25)) return random.pick<Colour>(['#f2f0ea', '#f3b51e', '#c61f26']);
  return hsl(random.between(0, 360), random.between(0.5, 0.85), random.between(0.35, 0.55));
}

interface PaneRow {
  readonly y: number;
  readonly height: number;
  readonly paneCount: number;
  /** The x where the row ends: before the door below, at the front above. */
  readonly stopAt: number;
}

function drawPanes(random: Random, brush: Brush, row: PaneRow): string {
  const pitch = (row.stopAt + HALF - 5) / row.paneCount;
  const glass = brush.isDark ? '#ffe6a3' : brush.surface('#9cc4d8');
  const panes = Array.from({ length: row.paneCount }, (_, index) => {
    const box = { x: -HALF + 5 + index * pitch, y: row.y, width: pitch - 3, height: row.height };
    const head =
      brush.isDark && random.chance(0.5)
        ? ellipse([box.x + box.width / 2, row.y + row.height - 6], [3.5, 6], '#5b4636')
        : '';
    const shine = { ...box, height: row.height * 0.35 };
    return rectangle(box, glass, { rx: 2.5 }) + rectangle(shine, lighter(glass), { rx: 2 }) + head;
  });
  return panes.join('');
}

function drawDoorAndFront(brush: Brush): string {
  const glass = brush.surface(brush.isDark ? '#60707f' : '#b9dae6');
  const frame = brush.surface('#2b2f33');
  return [
    rectangle({ x: HALF - 24, y: -57, width: 15, height: 46 }, frame, { rx: 1.5 }),
    rectangle({ x: HALF - 22.5, y: -55, width: 5.6, height: 42 }, glass),
    rectangle({ x: HALF - 16, y: -55, width: 5.6, height: 42 }, glass),
    rectangle({ x: HALF - 6, y: -58, width: 6, height: 28 }, glass, { rx: 1.5 }),
    rectangle({ x: HALF - 5, y: -22, width: 5, height: 5 }, brush.isDark ? '#fff3b8' : '#f2f4f2', {
      rx: 1,
    }),
    rectangle({ x: -HALF, y: -22, width: 3.4, height: 6 }, '#d8232a', { rx: 1 }),
  ].join('');
}
