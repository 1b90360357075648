import type { Brush } from '../brush.ts';
import { type Colour, darker, hsl, lighter } from '../colour.ts';
import type { Random } from '../random.ts';
import { circle, ellipse, type Point, path, rectangle, stroke } from '../svg.ts';
import type { Drawing } from './drawing.ts';

const SKINS = ['#f3cfb3', '#e3b08a', '#c68a5e', '#97613c', '#6b4226', '#4a2d1b'] as const;
const HAIRS = ['#1f1712', '#3b2618', '#6d4423', '#b98a45', '#8d8d8d', '#a5482a'] as const;

/** A person walking: a head with hair or a hat, a coat, shirt or dress, moving arms and legs. */
export function drawPedestrian(random: Random, brush: Brush): Drawing {
  const skin = brush.surface(random.pick<Colour>([...SKINS]));
  const top = brush.surface(clothing(random));
  const bottom = brush.surface(
    random.chance(0.5) ? random.pick<Colour>(['#2b3a55', '#33363b', '#5b4a3a']) : clothing(random),
  );
  const shoes = brush.surface(random.pick<Colour>(['#1c1c1e', '#5a3a24', '#e9e7e2', '#a03030']));
  const stride = random.between(3, 15);
  const hip = -44;
  const shoulder = -80;
  const girth = random.between(9, 12.5);
  const parts = [
    drawLeg([-2, hip], [-stride, -3], bottom, shoes),
    drawLeg([2, hip], [stride, -3], darker(bottom, 0.12), shoes),
    drawArm([-girth + 2, shoulder + 4], stride * 0.8, darker(top, 0.15), skin),
    drawTorso(random, brush, { top, girth, hip, shoulder }),
    drawArm([girth - 2, shoulder + 4], -stride * 0.8, darker(top, 0.06), skin),
    stroke(darker(skin, 0.1), 6, [0, shoulder], [0, shoulder - 5]),
    drawHead(random, brush, skin),
  ];
  if (random.chance(0.35)) {
    const bag = brush.surface(clothing(random));
    const side = random.chance(0.5) ? 1 : -1;
    const box = { x: side * (girth + 1) - 6, y: -50, width: 12, height: 13 };
    parts.push(
      stroke(darker(bag), 1.6, [-side * 6, shoulder + 1], [side * (girth + 1), -50]),
      rectangle(box, bag, { rx: 2.5 }),
    );
  }
  return { svg: parts.join(''), width: 34 + stride, height: 103, tiltMax: 4 };
}

function clothing(random: Random): Colour {
  return hsl(random.between(0, 360), random.between(0.2, 0.75), random.between(0.25, 0.65));
}

function drawLeg(hip: Point, foot: Point, cloth: Colour, shoes: Colour): string {
  const knee: Point = [(hip[0] + foot[0]) / 2 + 2, (hip[1] + foot[1]) / 2];
  const toe: Point = [foot[0] + 6, foot[1] + 0.5];
  return stroke(cloth, 8.4, hip, knee, foot) + stroke(shoes, 5, [foot[0] - 1, foot[1] + 0.5], toe);
}

function drawArm(shoulder: Point, swing: number, cloth: Colour, skin: Colour): string {
  const elbow: Point = [shoulder[0] + swing * 0.4, shoulder[1] + 16];
  const hand: Point = [shoulder[0] + swing, shoulder[1] + 31];
  return stroke(cloth, 6, shoulder, elbow, hand) + circle([hand[0], hand[1] + 2], 3.1, skin);
}

interface Torso {
  readonly top: Colour;
  readonly girth: number;
  readonly hip: number;
  readonly shoulder: number;
}

function drawTorso(random: Random, brush: Brush, torso: Torso): string {
  const { top, girth, hip, shoulder } = torso;
  const fill = brush.gradient('across', [lighter(top, 0.12), top, darker(top, 0.15)]);
  // A shirt ends at the hip, a coat at the thigh, a dress flares at the knee.
  const [hem, flare] = random.pick<readonly [number, number]>([
    [hip + 2, -2],
    [hip + 2, -2],
    [hip + 12, 0],
    [hip + 20, 6],
  ]);
  const outline =
    `M${-girth},${shoulder + 4} Q${-girth},${shoulder} ${-girth + 5},${shoulder - 1}` +
    ` L${girth - 5},${shoulder - 1} Q${girth},${shoulder} ${girth},${shoulder + 4}` +
    ` L${girth + flare},${hem} L${-girth - flare},${hem} Z`;
  const seam = stroke(darker(top, 0.25), 0.8, [0, shoulder + 4], [0, hem - 2]);
  return path(outline, fill) + (random.chance(0.5) ? seam : '');
}

function drawHead(random: Random, brush: Brush, skin: Colour): string {
  const hair = brush.surface(random.pick<Colour>([...HAIRS]));
  const centre: Point = [0.5, -93];
  const face = ellipse(centre, [7.4, 8.6], skin);
  const crown = `M-7.6,-92 Q-9,-103 1,-102.6 Q9.6,-102 8.2,-93 Q5,-98 -2,-97.6 Q-6,-97 -7.6,-92 Z`;
  const style = random.pick(['short', 'long', 'hat', 'bun']);
  if (style === 'long') {
    const fall = path('M-9,-80 Q-11,-103 0.5,-103 Q11,-103 9,-80 Z', darker(hair, 0.1));
    return fall + face + path(crown, hair);
  }
  if (style === 'hat') {
    const felt = brush.surface(clothing(random));
    const brim = ellipse([0.5, -97.5], [10.5, 2.2], darker(felt, 0.2));
    return face + path('M-7,-98 Q-7,-105.5 0.5,-105.5 Q8,-105.5 8,-98 Z', felt) + brim;
  }
  const bun = style === 'bun' ? circle([-7, -100], 4, hair) : '';
  return bun + face + path(crown, hair);
}
