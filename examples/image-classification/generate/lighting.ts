/**
 * The time of day: what the sky looks like and how it tints every surface.
 * Lamps, lit windows and signals give their own light and are not tinted.
 */
import { type Colour, mix, scaleBrightness } from './colour.ts';
import type { Random } from './random.ts';

export type TimeOfDay = 'day' | 'overcast' | 'dawn' | 'dusk' | 'night';

export interface Lighting {
  readonly timeOfDay: TimeOfDay;
  readonly skyTop: Colour;
  readonly skyBottom: Colour;
  /** Colour of the light that falls on everything, and how strongly it tints (0…1). */
  readonly ambient: Colour;
  readonly ambientStrength: number;
  readonly brightness: number;
  /** Chance that a window has its light on. */
  readonly litWindows: number;
}

const LIGHTINGS: Readonly<Record<TimeOfDay, Omit<Lighting, 'timeOfDay'>>> = {
  day: {
    skyTop: '#4f9fe0',
    skyBottom: '#cfe9fa',
    ambient: '#fff6e0',
    ambientStrength: 0.06,
    brightness: 1,
    litWindows: 0.02,
  },
  overcast: {
    skyTop: '#9aa7b3',
    skyBottom: '#d9dfe3',
    ambient: '#c3cbd1',
    ambientStrength: 0.18,
    brightness: 0.93,
    litWindows: 0.12,
  },
  dawn: {
    skyTop: '#7fa5d8',
    skyBottom: '#f9d9c6',
    ambient: '#f6cdb8',
    ambientStrength: 0.18,
    brightness: 0.92,
    litWindows: 0.2,
  },
  dusk: {
    skyTop: '#4b4a86',
    skyBottom: '#f79a62',
    ambient: '#c9705a',
    ambientStrength: 0.24,
    brightness: 0.8,
    litWindows: 0.4,
  },
  night: {
    skyTop: '#0b1330',
    skyBottom: '#2b3c6b',
    ambient: '#1d2a58',
    ambientStrength: 0.34,
    brightness: 0.66,
    litWindows: 0.5,
  },
};

/** Day is the commonest; every other time of day appears often enough to be learnt. */
const FREQUENCIES: readonly [TimeOfDay, ...TimeOfDay[]] = [
  'day',
  'day',
  'day',
  'overcast',
  'overcast',
  'dawn',
  'dusk',
  'dusk',
  'night',
  'night',
];

export function pickLighting(random: Random): Lighting {
  const timeOfDay = random.pick(FREQUENCIES);
  const base = LIGHTINGS[timeOfDay];
  return {
    ...base,
    timeOfDay,
    skyTop: scaleBrightness(base.skyTop, random.between(0.85, 1.12)),
    skyBottom: scaleBrightness(base.skyBottom, random.between(0.9, 1.06)),
    brightness: base.brightness * random.between(0.9, 1.06),
  };
}

export function lit(lighting: Lighting, surface: Colour): Colour {
  const dimmed = scaleBrightness(surface, lighting.brightness);
  return mix(dimmed, lighting.ambient, lighting.ambientStrength);
}
