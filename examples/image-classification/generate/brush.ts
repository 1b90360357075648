/**
 * What an object draws with: colours under the scene's light, and gradients.
 * One brush belongs to one scene and collects that scene's gradient definitions.
 */
import type { Colour } from './colour.ts';
import { type Lighting, lit } from './lighting.ts';
import { tag } from './svg.ts';

export class Brush {
  readonly lighting: Lighting;
  private readonly definitions: string[] = [];

  constructor(lighting: Lighting) {
    this.lighting = lighting;
  }

  get isDark(): boolean {
    return this.lighting.timeOfDay === 'night' || this.lighting.timeOfDay === 'dusk';
  }

  /** A surface that reflects the scene's light. */
  surface(colour: Colour): Colour {
    return lit(this.lighting, colour);
  }

  /** A fill that runs from one colour to the next, top to bottom or left to right. */
  gradient(direction: 'down' | 'across', colours: readonly Colour[]): string {
    const stops = colours.map((colour, index) =>
      tag('stop', { offset: index / Math.max(1, colours.length - 1), 'stop-color': colour }),
    );
    const end = direction === 'down' ? { x2: 0, y2: 1 } : { x2: 1, y2: 0 };
    return this.define('linearGradient', { x1: 0, y1: 0, ...end }, stops.join(''));
  }

  /** A round fill that fades from the colour to nothing: halos, pools of lamplight, shadows. */
  halo(colour: Colour, opacity: number): string {
    const stops =
      tag('stop', { offset: 0, 'stop-color': colour, 'stop-opacity': opacity }) +
      tag('stop', { offset: 1, 'stop-color': colour, 'stop-opacity': 0 });
    return this.define('radialGradient', {}, stops);
  }

  /** The `<defs>` element with everything defined so far; call it once all else is drawn. */
  defs(): string {
    return `<defs>${this.definitions.join('')}</defs>`;
  }

  private define(name: string, attributes: Record<string, number>, children: string): string {
    const id = `fill${this.definitions.length}`;
    this.definitions.push(tag(name, { id, ...attributes }, children));
    return `url(#${id})`;
  }
}
