/** The few SVG elements the drawings are made of, as strings. Lengths are in the user's units. */
export type Attributes = Readonly<Record<string, string | number>>;
export type Point = readonly [x: number, y: number];

const rounded = (value: number): string => String(Math.round(value * 100) / 100);

export function tag(name: string, attributes: Attributes, children = ''): string {
  const written = Object.entries(attributes).map(
    ([key, value]) => ` ${key}="${typeof value === 'number' ? rounded(value) : value}"`,
  );
  const open = `<${name}${written.join('')}`;
  return children === '' ? `${open}/>` : `${open}>${children}</${name}>`;
}

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export function rectangle(box: Box, fill: string, extra: Attributes = {}): string {
  return tag('rect', { ...box, fill, ...extra });
}

export function circle(centre: Point, radius: number, fill: string, extra: Attributes = {}) {
  return tag('circle', { cx: centre[0], cy: centre[1], r: radius, fill, ...extra });
}

export function ellipse(centre: Point, radii: Point, fill: string, extra: Attributes = {}) {
  const [cx, cy] = centre;
  return tag('ellipse', { cx, cy, rx: radii[0], ry: radii[1], fill, ...extra });
}

const listOf = (points: readonly Point[]): string =>
  points.map(([x, y]) => `${rounded(x)},${rounded(y)}`).join(' ');

export function polygon(points: readonly Point[], fill: string, extra: Attributes = {}): string {
  return tag('polygon', { points: listOf(points), fill, ...extra });
}

/** An open line through the points, with round ends and corners. */
export function stroke(colour: string, width: number, ...points: readonly Point[]): string {
  return tag('polyline', {
    points: listOf(points),
    fill: 'none',
    stroke: colour,
    'stroke-width': width,
    'stroke-linecap': 'round',
    'stroke-linejoin': 'round',
  });
}

export function path(d: string, fill: string, extra: Attributes = {}): string {
  return tag('path', { d, fill, ...extra });
}

export function group(transform: string, children: string, extra: Attributes = {}): string {
  return tag('g', { ...(transform === '' ? {} : { transform }), ...extra }, children);
}
