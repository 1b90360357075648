/**
 * What lies behind the main object: sky, skyline or hills, a row of houses, a wall or a park,
 * the pavement and the road. Drawn back to front in pixels of the picture.
 */
import type { Brush } from './brush.ts';
import { type Colour, darker, hsl, lighter, mix } from './colour.ts';
import { drawHouses } from './houses.ts';
import type { Random } from './random.ts';
import { circle, ellipse, type Point, path, polygon, rectangle } from './svg.ts';

export interface Layout {
  readonly width: number;
  readonly height: number;
  /** Where buildings and park meet the pavement. */
  readonly horizon: number;
  /** Where the pavement ends and the road begins. */
  readonly kerb: number;
}

/** `ground` is what the main object stands on: the picture shows more of that. */
export function pickLayout(
  random: Random,
  size: { readonly width: number; readonly height: number },
  ground: 'road' | 'pavement',
): Layout {
  const { width, height } = size;
  if (ground === 'pavement') {
    const kerb = height * random.between(0.84, 0.94);
    return { width, height, kerb, horizon: kerb - height * random.between(0.12, 0.28) };
  }
  const horizon = height * random.between(0.56, 0.7);
  return { width, height, horizon, kerb: horizon + height * random.between(0.07, 0.15) };
}

export function drawBackground(random: Random, brush: Brush, layout: Layout): string {
  const backdrop = random.pick(['houses', 'houses', 'houses', 'skyline', 'park', 'park', 'wall']);
  const parts = [drawSky(random, brush, layout)];
  if (backdrop !== 'park' && random.chance(0.6)) parts.push(drawSkyline(random, brush, layout));
  if (backdrop === 'houses') parts.push(drawHouses(random, brush, layout));
  if (backdrop === 'park') parts.push(drawPark(random, brush, layout));
  if (backdrop === 'wall') parts.push(drawWall(random, brush, layout));
  parts.push(drawGround(random, brush, layout));
  return parts.join('');
}

function drawSky(random: Random, brush: Brush, layout: Layout): string {
  const { skyTop, skyBottom, timeOfDay } = brush.lighting;
  const { width, horizon } = layout;
  const sky = { x: 0, y: 0, width, height: horizon + 2 };
  const parts = [rectangle(sky, brush.gradient('down', [skyTop, skyBottom]))];
  const place = (): Point => [
    random.between(0.04, 0.96) * width,
    random.between(0.05, 0.6) * horizon,
  ];
  if (timeOfDay === 'night') {
    const stars = random.integer(8, 40);
    for (let star = 0; star < stars; star++) {
      parts.push(circle(place(), random.between(0.4, 1.1), '#ffffff', { opacity: 0.8 }));
    }
  }
  if (timeOfDay !== 'overcast' && random.chance(0.5)) {
    const colour = { day: '#fff3b0', dawn: '#ffe1b0', dusk: '#ffd08a', night: '#f2f1dc' } as const;
    const centre = place();
    const radius = width * random.between(0.03, 0.06);
    parts.push(
      circle(centre, radius * 2.6, brush.halo(colour[timeOfDay], 0.5)),
      circle(centre, radius, colour[timeOfDay]),
    );
  }
  const clouds = timeOfDay === 'overcast' ? random.integer(3, 6) : random.integer(0, 4);
  for (let cloud = 0; cloud < clouds; cloud++) {
    parts.push(
      drawCloud(random, mix(skyBottom, '#ffffff', brush.isDark ? 0.12 : 0.6), place(), width),
    );
  }
  return parts.join('');
}

function drawCloud(random: Random, colour: Colour, centre: Point, width: number): string {
  const size = width * random.between(0.03, 0.07);
  const puffs = Array.from({ length: 4 }, (_, index) => {
    const x = centre[0] + (index - 1.5) * size;
    const radius = size * random.between(0.6, 1);
    return ellipse([x, centre[1] - (index % 2) * size * 0.3], [radius * 1.2, radius * 0.7], colour);
  });
  return `<g opacity="${random.between(0.55, 0.9).toFixed(2)}">${puffs.join('')}</g>`;
}

function drawSkyline(random: Random, brush: Brush, layout: Layout): string {
  const { width, horizon } = layout;
  const haze = mix(brush.lighting.skyBottom, brush.surface('#5d6b7d'), 0.45);
  const points: Point[] = [[0, horizon]];
  for (let x = 0; x < width; ) {
    const step = width * random.between(0.04, 0.11);
    const top = horizon * random.between(0.45, 0.85);
    points.push([x, top], [x + step, top]);
    x += step;
  }
  points.push([points.at(-1)?.[0] ?? width, horizon]);
  return polygon(points, haze);
}

function drawPark(random: Random, brush: Brush, layout: Layout): string {
  const { width, horizon } = layout;
  const green = brush.surface(hsl(random.between(75, 135), 0.38, random.between(0.36, 0.5)));
  const far = mix(green, brush.lighting.skyBottom, 0.45);
  const crest = horizon * random.between(0.62, 0.86);
  const bend = horizon * random.between(-0.18, 0.18);
  const hill = (top: number, sway: number) =>
    `M0,${top} Q${width * 0.3},${top - sway} ${width * 0.55},${top} T${width},${top} V${horizon + 2} H0 Z`;
  const parts = [
    path(hill(crest, bend), far),
    path(hill((crest + horizon) / 2, -bend * 0.6), green),
  ];
  if (random.chance(0.6)) {
    const hedge = darker(green, 0.3);
    const height = horizon * random.between(0.06, 0.14);
    for (let x = -10; x < width + 10; x += height * 0.9) {
      parts.push(circle([x, horizon - height * 0.45], height * random.between(0.5, 0.65), hedge));
    }
  }
  if (random.chance(0.4)) {
    const fence = brush.surface(random.pick<Colour>(['#e9e4d8', '#3a4047', '#8a6a48']));
    const top = horizon - layout.height * random.between(0.07, 0.12);
    const pitch = width * random.between(0.025, 0.05);
    for (let x = 0; x < width; x += pitch) {
      parts.push(rectangle({ x, y: top, width: pitch * 0.28, height: horizon - top }, fence));
    }
    parts.push(rectangle({ x: 0, y: top + 3, width, height: 2 }, fence));
  }
  return parts.join('');
}

function drawWall(random: Random, brush: Brush, layout: Layout): string {
  const { width, horizon } = layout;
  const brick = brush.surface(
    random.pick<Colour>(['#a5563f', '#8d8478', '#b9a58a', '#6f7b86', '#c9beae', '#80503d']),
  );
  const top = horizon * random.between(0.05, 0.55);
  const parts = [rectangle({ x: 0, y: top, width, height: horizon - top }, brick)];
  const course = random.between(9, 15);
  const joint = darker(brick, 0.18);
  let row = 0;
  for (let y = top; y < horizon; y += course, row++) {
    parts.push(rectangle({ x: 0, y, width, height: 1 }, joint));
    for (let x = row % 2 === 0 ? 0 : course; x < width; x += course * 2) {
      const height = Math.min(course, horizon - y);
      parts.push(rectangle({ x, y, width: 1, height }, joint));
    }
  }
  parts.push(rectangle({ x: 0, y: top - 4, width, height: 6 }, lighter(brick, 0.25)));
  return parts.join('');
}

function drawGround(random: Random, brush: Brush, layout: Layout): string {
  const { width, height, horizon, kerb } = layout;
  const paving = brush.surface(
    random.pick<Colour>(['#b8b4ab', '#a9adb0', '#c4b59d', '#9d9a94', '#86a35e']),
  );
  const road = brush.surface(random.pick<Colour>(['#55585c', '#45484c', '#66686a', '#5c5652']));
  const parts = [
    rectangle(
      { x: 0, y: horizon, width, height: kerb - horizon + 1 },
      brush.gradient('down', [darker(paving, 0.12), paving]),
    ),
  ];
  const slab = width * random.between(0.07, 0.14);
  const vanishing = width / 2;
  for (let x = -width; x < width * 2; x += slab) {
    const far = vanishing + (x - vanishing) * 0.86;
    const seam: Point[] = [
      [far, horizon],
      [far + 1, horizon],
      [x + 1, kerb],
      [x, kerb],
    ];
    parts.push(polygon(seam, darker(paving, 0.15)));
  }
  parts.push(
    rectangle({ x: 0, y: kerb, width, height: 4 }, lighter(paving, 0.25)),
    rectangle(
      { x: 0, y: kerb + 4, width, height: height - kerb },
      brush.gradient('down', [darker(road, 0.1), lighter(road, 0.08)]),
    ),
  );
  const paint = brush.surface(random.pick<Colour>(['#eceae2', '#eceae2', '#e3bd45']));
  const lane = kerb + (height - kerb) * random.between(0.5, 0.8);
  const dash = width * random.between(0.08, 0.2);
  for (let x = -random.between(0, dash); random.chance(0.98) && x < width; x += dash * 2) {
    const slant: Point[] = [
      [x, lane],
      [x + dash, lane],
      [x + dash + 4, lane + 4],
      [x + 4, lane + 4],
    ];
    parts.push(polygon(slant, paint));
  }
  return parts.join('');
}
