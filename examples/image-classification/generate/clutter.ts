/** Small things that are no class of their own: they distract, and some stand before the object. */
import type { Layout } from './background.ts';
import type { Brush } from './brush.ts';
import { type Colour, darker, hsl, lighter } from './colour.ts';
import type { Random } from './random.ts';
import { circle, ellipse, group, type Point, path, polygon, rectangle, stroke } from './svg.ts';

type DrawClutter = (random: Random, brush: Brush) => string;

const STANDING: readonly [DrawClutter, ...DrawClutter[]] = [
  drawBollard,
  drawLitterBin,
  drawCone,
  drawPlanter,
  drawStreetLamp,
  drawLetterBox,
];

/** A few small things on the pavement and in the air, behind the main object. */
export function drawClutter(random: Random, brush: Brush, layout: Layout): string {
  const parts: string[] = [];
  const count = random.integer(0, 3);
  for (let item = 0; item < count; item++) {
    const x = layout.width * random.between(0.02, 0.98);
    const y = random.between(layout.horizon + 2, layout.kerb);
    const scale = (layout.height / 240) * random.between(0.6, 1);
    parts.push(group(`translate(${x} ${y}) scale(${scale})`, random.pick(STANDING)(random, brush)));
  }
  if (random.chance(0.25)) parts.push(drawBirds(random, brush, layout));
  if (random.chance(0.2)) parts.push(drawPuddle(random, brush, layout));
  return parts.join('');
}

/** Something near the viewer that covers a part of the object: a bush, a post, a wire, snow. */
export function drawForeground(random: Random, brush: Brush, layout: Layout): string {
  const { width, height } = layout;
  const kind = random.pick(['bush', 'post', 'wire', 'snow', 'rain']);
  if (kind === 'post') {
    const x = width * random.pick([random.between(0.22, 0.4), random.between(0.6, 0.78)]);
    const metal = brush.surface('#4d5358');
    const box = { x, y: -2, width: width * random.between(0.012, 0.03), height: height + 4 };
    return rectangle(box, brush.gradient('across', [lighter(metal), metal, darker(metal)]));
  }
  if (kind === 'wire') {
    const y = height * random.between(0.05, 0.3);
    const sag = height * random.between(0.02, 0.12);
    const curve = `M0,${y} Q${width / 2},${y + sag * 2} ${width},${y + random.between(-8, 8)}`;
    return path(curve, 'none', { stroke: brush.surface('#23262a'), 'stroke-width': 1.4 });
  }
  if (kind === 'bush') return drawBush(random, brush, layout);
  const flakes = random.integer(25, 90);
  const parts: string[] = [];
  for (let flake = 0; flake < flakes; flake++) {
    const at: Point = [random.unit() * width, random.unit() * height];
    parts.push(
      kind === 'snow'
        ? circle(at, random.between(0.7, 2), '#ffffff', { opacity: 0.8 })
        : group('', stroke('#dfe9f0', 0.8, at, [at[0] - 2, at[1] + 9]), { opacity: 0.45 }),
    );
  }
  return parts.join('');
}

function drawBush(random: Random, brush: Brush, layout: Layout): string {
  const leaves = brush.surface(hsl(random.between(80, 140), 0.4, random.between(0.22, 0.36)));
  const x = layout.width * random.pick([random.between(0.05, 0.3), random.between(0.7, 0.95)]);
  const size = layout.height * random.between(0.06, 0.11);
  const clumps = Array.from({ length: 7 }, () => {
    const centre: Point = [
      x + random.between(-1.6, 1.6) * size,
      layout.height - random.between(-0.2, 0.8) * size,
    ];
    return circle(
      centre,
      size * random.between(0.5, 0.9),
      lighter(leaves, random.between(0, 0.18)),
    );
  });
  return clumps.join('');
}

function drawBirds(random: Random, brush: Brush, layout: Layout): string {
  const ink = brush.surface('#2c3038');
  const birds = Array.from({ length: random.integer(1, 4) }, () => {
    const x = layout.width * random.unit();
    const y = layout.horizon * random.between(0.05, 0.5);
    const wing = random.between(2.5, 5);
    const shape = `M${x - wing},${y} Q${x - wing / 2},${y - wing * 0.7} ${x},${y} Q${x + wing / 2},${y - wing * 0.7} ${x + wing},${y}`;
    return path(shape, 'none', { stroke: ink, 'stroke-width': 1.1 });
  });
  return birds.join('');
}

function drawPuddle(random: Random, brush: Brush, layout: Layout): string {
  const centre: Point = [
    layout.width * random.unit(),
    random.between(layout.kerb + 8, layout.height),
  ];
  const radii: Point = [layout.width * random.between(0.05, 0.12), random.between(2.5, 5)];
  return ellipse(centre, radii, brush.lighting.skyBottom, { opacity: 0.4 });
}

function drawBollard(_random: Random, brush: Brush): string {
  const metal = brush.surface('#3a3f44');
  const band = { x: -3, y: -17, width: 6, height: 3 };
  return (
    rectangle({ x: -3, y: -22, width: 6, height: 22 }, metal, { rx: 3 }) +
    rectangle(band, '#e9e6dc')
  );
}

function drawLitterBin(random: Random, brush: Brush): string {
  const colour = brush.surface(random.pick<Colour>(['#39594a', '#4a4f55', '#2f4a6b']));
  const bin = polygon(
    [
      [-7, -19],
      [7, -19],
      [5.5, 0],
      [-5.5, 0],
    ],
    colour,
  );
  return bin + rectangle({ x: -8, y: -22, width: 16, height: 3.6 }, darker(colour), { rx: 1.5 });
}

function drawCone(_random: Random, brush: Brush): string {
  const orange = brush.surface('#ef6a1f');
  return [
    polygon(
      [
        [-1.5, -18],
        [1.5, -18],
        [5.5, -2],
        [-5.5, -2],
      ],
      orange,
    ),
    polygon(
      [
        [-2.7, -13],
        [2.7, -13],
        [3.8, -8.6],
        [-3.8, -8.6],
      ],
      brush.surface('#f5f3ee'),
    ),
    rectangle({ x: -8, y: -2.4, width: 16, height: 2.4 }, darker(orange), { rx: 1 }),
  ].join('');
}

function drawPlanter(random: Random, brush: Brush): string {
  const pot = brush.surface(random.pick<Colour>(['#b0673f', '#8f9498', '#6b5848']));
  const bloom = brush.surface(hsl(random.between(0, 360), 0.6, 0.6));
  const leaf = brush.surface('#4f7a3c');
  const leaves = [-6, -2, 2, 6].map((x) => circle([x, -13], 4, leaf));
  const flowers = [-5, 0, 5].map((x) => circle([x, -15.5], 1.8, bloom));
  return [
    ...leaves,
    ...flowers,
    polygon(
      [
        [-9, -11],
        [9, -11],
        [7, 0],
        [-7, 0],
      ],
      pot,
    ),
  ].join('');
}

function drawStreetLamp(_random: Random, brush: Brush): string {
  const metal = brush.surface('#3f464c');
  const glow = brush.isDark ? circle([12, -82], 20, brush.halo('#ffe2a0', 0.7)) : '';
  const head = ellipse([12, -84], [6, 2.6], brush.isDark ? '#ffefc4' : brush.surface('#dfe3e4'));
  return `${stroke(metal, 2.4, [0, 0], [0, -84], [4, -88], [12, -87])}${head}${glow}`;
}

function drawLetterBox(_random: Random, brush: Brush): string {
  const blue = brush.surface('#2c5aa0');
  const slot = { x: -4.5, y: -19, width: 9, height: 1.6 };
  return (
    rectangle({ x: -6.5, y: -24, width: 13, height: 24 }, blue, { rx: 3 }) +
    rectangle(slot, '#14233c')
  );
}
