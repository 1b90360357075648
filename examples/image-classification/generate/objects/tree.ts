import type { Brush } from '../brush.ts';
import { type Colour, darker, hsl, lighter } from '../colour.ts';
import type { Random } from '../random.ts';
import { circle, type Point, path, polygon, stroke } from '../svg.ts';
import type { Drawing } from './drawing.ts';

/** A tree: a round crown (green, autumn or in blossom), a poplar, or a conifer. */
export function drawTree(random: Random, brush: Brush): Drawing {
  const bark = brush.surface(random.pick<Colour>(['#6b4a2f', '#5a4030', '#7d6248', '#8a7a6a']));
  const kind = random.pick(['round', 'round', 'poplar', 'conifer']);
  if (kind === 'conifer') return drawConifer(random, brush, bark);
  const crown = kind === 'round' ? { half: 34, rise: 30 } : { half: 18, rise: 44 };
  const trunk = random.between(28, 42);
  const leaves = brush.surface(foliage(random));
  const middle = -trunk - crown.rise + 8;
  const parts = [
    drawTrunk(brush, bark, -middle, random.between(4, 6.5)),
    stroke(bark, 3.4, [0, -trunk * 0.75], [crown.half * 0.4, middle + 8]),
    stroke(bark, 3, [0, -trunk * 0.85], [-crown.half * 0.4, middle + 6]),
  ];
  const dots: string[] = [];
  for (let clump = 0; clump < 22; clump++) {
    const angle = random.between(0, Math.PI * 2);
    const reach = Math.sqrt(random.unit()) * 0.72;
    const centre: Point = [
      Math.cos(angle) * crown.half * reach,
      middle + Math.sin(angle) * crown.rise * reach,
    ];
    // Clumps low in the crown are in its shade, clumps high in it catch the light.
    const height = (middle - centre[1]) / crown.rise;
    const tone = height > 0 ? lighter(leaves, height * 0.35) : darker(leaves, -height * 0.4);
    parts.push(circle(centre, crown.half * random.between(0.28, 0.42), tone));
    if (clump % 2 === 0) dots.push(circle([centre[0] + 3, centre[1] - 3], 1.6, '#d8342c'));
  }
  if (random.chance(0.15)) parts.push(...dots);
  return {
    svg: parts.join(''),
    width: crown.half * 2.1,
    height: -middle + crown.rise * 1.1,
    tiltMax: 4,
  };
}

function foliage(random: Random): Colour {
  const season = random.unit();
  if (season < 0.65)
    return hsl(random.between(80, 140), random.between(0.35, 0.6), random.between(0.25, 0.4));
  if (season < 0.88)
    return hsl(random.between(18, 48), random.between(0.6, 0.8), random.between(0.38, 0.5));
  return hsl(random.between(325, 350), random.between(0.4, 0.65), random.between(0.68, 0.78));
}

function drawTrunk(brush: Brush, bark: Colour, height: number, half: number): string {
  const outline =
    `M${-half - 3},0 Q${-half},-6 ${-half * 0.8},${-height * 0.5} L${-half * 0.5},${-height}` +
    ` L${half * 0.5},${-height} L${half * 0.8},${-height * 0.5} Q${half},-6 ${half + 3},0 Z`;
  return path(outline, brush.gradient('across', [lighter(bark, 0.15), bark, darker(bark, 0.35)]));
}

function drawConifer(random: Random, brush: Brush, bark: Colour): Drawing {
  const green = brush.surface(
    hsl(random.between(110, 165), random.between(0.25, 0.5), random.between(0.2, 0.34)),
  );
  const tiers = random.integer(3, 5);
  const foot = -random.between(12, 22);
  const step = 78 / tiers;
  const parts = [drawTrunk(brush, bark, -foot + 10, 5)];
  for (let tier = 0; tier < tiers; tier++) {
    const half = 31 * (1 - tier / (tiers + 0.8));
    const bottom = foot - tier * step;
    const peak: Point = [0, bottom - step * 1.75];
    const tone = lighter(green, (tier / tiers) * 0.22);
    parts.push(
      polygon([[-half, bottom], peak, [half, bottom]], tone),
      polygon([[half * 0.25, bottom], peak, [half, bottom]], darker(tone, 0.2)),
    );
  }
  return { svg: parts.join(''), width: 62, height: -foot + 78 + step * 0.75, tiltMax: 3 };
}
