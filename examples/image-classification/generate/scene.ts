/**
 * One street scene as SVG: a background under some light, clutter, one main object near the
 * middle (within the centre crop that the classifier sees), and now and then something before it.
 */
import { drawBackground, type Layout, pickLayout } from './background.ts';
import { Brush } from './brush.ts';
import { SCENE_CLASSES, type SceneClass } from './classes.ts';
import { drawClutter, drawForeground } from './clutter.ts';
import { pickLighting, type TimeOfDay } from './lighting.ts';
import type { Drawing } from './objects/drawing.ts';
import type { Random } from './random.ts';
import { circle, ellipse, group, tag } from './svg.ts';

export interface Scene {
  readonly svg: string;
  readonly width: number;
  readonly height: number;
  readonly label: string;
  readonly timeOfDay: TimeOfDay;
}

const SIZES: readonly [Size, ...Size[]] = [
  [320, 240],
  [320, 240],
  [288, 216],
  [256, 256],
  [240, 300],
  [300, 225],
  [216, 270],
];

type Size = readonly [width: number, height: number];

/** Classes take turns, so that any run of consecutive indices is balanced. */
export function drawScene(random: Random, index: number): Scene {
  const sceneClass = SCENE_CLASSES[index % SCENE_CLASSES.length] ?? SCENE_CLASSES[0];
  const [width, height] = random.pick(SIZES);
  const lighting = pickLighting(random);
  const brush = new Brush(lighting);
  const layout = pickLayout(random, { width, height }, sceneClass.ground);
  const body = [
    drawBackground(random, brush, layout),
    drawClutter(random, brush, layout),
    placeObject(random, brush, layout, sceneClass),
    random.chance(0.3) ? drawForeground(random, brush, layout) : '',
  ];
  const content = brush.defs() + body.join('');
  const svg = tag('svg', { xmlns: 'http://www.w3.org/2000/svg', width, height }, content);
  return { svg, width, height, label: sceneClass.label, timeOfDay: lighting.timeOfDay };
}

function placeObject(random: Random, brush: Brush, layout: Layout, sceneClass: SceneClass): string {
  const { width, height, kerb } = layout;
  const drawing = sceneClass.draw(random, brush);
  // The centre crop keeps 96/110 of the shorter side; the object fills a good part of that.
  const frame = Math.min(width, height) * (96 / 110);
  const fill = random.between(0.5, 0.88);
  const scale = Math.min((frame * fill) / drawing.height, (frame * (fill + 0.08)) / drawing.width);
  const lowest = (height + frame) / 2 - frame * 0.03;
  const bottom = sceneClass.ground === 'road' ? lowest : Math.min(lowest, kerb);
  const nearest = sceneClass.ground === 'road' ? kerb + 10 : layout.horizon + 6;
  const upper = Math.min(Math.max(nearest, (height - frame) / 2 + drawing.height * scale), bottom);
  const y = random.between(upper, bottom);
  const spare = Math.max(0, (frame - drawing.width * scale) / 2);
  const x = width / 2 + random.between(-1, 1) * spare * 0.85;
  const mirror = random.chance(0.5) ? -1 : 1;
  const tilt = random.between(-1, 1) * drawing.tiltMax;
  const transform =
    `translate(${x.toFixed(2)} ${y.toFixed(2)}) rotate(${tilt.toFixed(2)}) ` +
    `scale(${(scale * (isLettered(sceneClass) ? 1 : mirror)).toFixed(4)} ${scale.toFixed(4)})`;
  return drawShadow(brush, drawing, { x, y, scale }) + group(transform, drawing.svg);
}

/** A mirrored STOP would be wrong. */
function isLettered(sceneClass: SceneClass): boolean {
  return sceneClass.label === 'stop sign';
}

interface Place {
  readonly x: number;
  readonly y: number;
  readonly scale: number;
}

/** The contact shadow by day; at night a pool of lamplight around the object's foot as well. */
function drawShadow(brush: Brush, drawing: Drawing, place: Place): string {
  const { x, y, scale } = place;
  const half = Math.max(drawing.width * 0.5, 14) * scale;
  const shadow = ellipse([x, y], [half * 1.05, 3.2 + half * 0.06], brush.halo('#000000', 0.6));
  if (brush.lighting.timeOfDay !== 'night') return shadow;
  const reach = Math.max(drawing.height, drawing.width) * scale * 0.72;
  const pool = circle([x, y - drawing.height * scale * 0.45], reach, brush.halo('#ffe9b8', 0.3));
  return pool + shadow;
}
