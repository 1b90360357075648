/** A row of town houses or offices with windows, doors, shop fronts and roofs. */
import type { Layout } from './background.ts';
import type { Brush } from './brush.ts';
import { type Colour, darker, hsl, lighter } from './colour.ts';
import type { Random } from './random.ts';
import { type Box, polygon, rectangle } from './svg.ts';

export function drawHouses(random: Random, brush: Brush, layout: Layout): string {
  const parts: string[] = [];
  for (let x = -random.between(0, 40); x < layout.width; ) {
    const width = layout.width * random.between(0.16, 0.36);
    const top = layout.horizon * random.between(0.08, 0.55);
    parts.push(drawHouse(random, brush, { x, y: top, width, height: layout.horizon - top }));
    x += width + (random.chance(0.2) ? layout.width * random.between(0.02, 0.1) : 0);
  }
  return parts.join('');
}

function drawHouse(random: Random, brush: Brush, house: Box): string {
  const wall = brush.surface(wallColour(random));
  const storey = random.between(26, 40);
  const parts = [drawRoof(random, brush, house), rectangle(house, wall)];
  const columns = Math.max(1, Math.floor(house.width / random.between(18, 30)));
  const pitch = house.width / columns;
  const frame = lighter(wall, 0.4);
  const ground = house.y + house.height - storey;
  for (let y = house.y + storey * 0.25; y < ground - storey * 0.5; y += storey) {
    for (let column = 0; column < columns; column++) {
      const box = {
        x: house.x + (column + 0.24) * pitch,
        y,
        width: pitch * 0.52,
        height: storey * 0.6,
      };
      parts.push(drawWindow(random, brush, box, frame));
    }
  }
  const shop = random.chance(0.5);
  parts.push(
    shop
      ? drawShopFront(random, brush, { ...house, y: ground, height: storey })
      : drawDoor(random, brush, { ...house, y: ground, height: storey }),
  );
  return parts.join('');
}

function wallColour(random: Random): Colour {
  const plaster = hsl(random.between(10, 55), random.between(0.15, 0.5), random.between(0.55, 0.8));
  const brick = hsl(random.between(5, 22), random.between(0.3, 0.5), random.between(0.36, 0.5));
  const office = hsl(
    random.between(190, 230),
    random.between(0.08, 0.3),
    random.between(0.45, 0.7),
  );
  return random.pick([plaster, plaster, brick, office]);
}

function drawRoof(random: Random, brush: Brush, house: Box): string {
  const tiles = brush.surface(random.pick<Colour>(['#8a4a38', '#5b5f66', '#70563f', '#3f4650']));
  const rise = random.between(10, 26);
  const { x, y, width } = house;
  if (random.chance(0.4))
    return rectangle({ x: x - 2, y: y - 5, width: width + 4, height: 6 }, tiles);
  return polygon(
    [
      [x - 3, y + 1],
      [x + width * 0.18, y - rise],
      [x + width * 0.82, y - rise],
      [x + width + 3, y + 1],
    ],
    tiles,
  );
}

function drawWindow(random: Random, brush: Brush, box: Box, frame: Colour): string {
  const isLit = random.chance(brush.lighting.litWindows);
  const glass = isLit
    ? random.pick<Colour>(['#ffe09a', '#ffd27a', '#fff0c4'])
    : brush.surface(brush.isDark ? '#26303f' : '#8fb0c4');
  const bar = { x: box.x + box.width / 2 - 0.6, y: box.y, width: 1.2, height: box.height };
  return rectangle(box, glass, { stroke: frame, 'stroke-width': 1.2 }) + rectangle(bar, frame);
}

function drawDoor(random: Random, brush: Brush, floor: Box): string {
  const width = Math.min(16, floor.width * 0.3);
  const x = floor.x + floor.width * random.between(0.15, 0.6);
  const box = { x, y: floor.y + floor.height * 0.15, width, height: floor.height * 0.85 };
  const wood = brush.surface(hsl(random.between(0, 360), 0.4, 0.3));
  const light = { x: x + width * 0.25, y: box.y + 3, width: width * 0.5, height: box.height * 0.3 };
  return rectangle(box, wood) + rectangle(light, lighter(wood, 0.4));
}

function drawShopFront(random: Random, brush: Brush, floor: Box): string {
  const { x, y, width, height } = floor;
  const cloth = brush.surface(hsl(random.between(0, 360), 0.55, 0.45));
  const glass = random.chance(brush.lighting.litWindows + 0.15)
    ? '#ffe7b0'
    : brush.surface(brush.isDark ? '#323d4d' : '#a3c3d2');
  const pane = {
    x: x + width * 0.08,
    y: y + height * 0.3,
    width: width * 0.84,
    height: height * 0.6,
  };
  const parts = [rectangle(pane, glass, { stroke: darker(cloth), 'stroke-width': 1.5 })];
  const stripes = 8;
  for (let stripe = 0; stripe < stripes; stripe++) {
    const band = {
      x: x + (stripe * width) / stripes,
      y: y + height * 0.08,
      width: width / stripes,
      height: height * 0.26,
    };
    parts.push(rectangle(band, stripe % 2 === 0 ? cloth : brush.surface('#f3efe6')));
  }
  return parts.join('');
}
