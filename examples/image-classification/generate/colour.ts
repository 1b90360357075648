/** Colours as `#rrggbb` strings, and the few operations the drawings need on them. */
export type Colour = `#${string}`;

type Channels = readonly [red: number, green: number, blue: number];

function channelsOf(colour: Colour): Channels {
  const packed = Number.parseInt(colour.slice(1), 16);
  return [(packed >> 16) & 255, (packed >> 8) & 255, packed & 255];
}

function fromChannels(channels: Channels): Colour {
  const hex = channels.map((value) => {
    const byte = Math.max(0, Math.min(255, Math.round(value)));
    return byte.toString(16).padStart(2, '0');
  });
  return `#${hex.join('')}`;
}

/** `amount` 0 gives `from`, 1 gives `to`. */
export function mix(from: Colour, to: Colour, amount: number): Colour {
  const [r0, g0, b0] = channelsOf(from);
  const [r1, g1, b1] = channelsOf(to);
  return fromChannels([r0 + (r1 - r0) * amount, g0 + (g1 - g0) * amount, b0 + (b1 - b0) * amount]);
}

/** Multiplies brightness; above 1 it lightens. */
export function scaleBrightness(colour: Colour, factor: number): Colour {
  const [red, green, blue] = channelsOf(colour);
  return fromChannels([red * factor, green * factor, blue * factor]);
}

export const darker = (colour: Colour, amount = 0.25): Colour => mix(colour, '#000000', amount);

export const lighter = (colour: Colour, amount = 0.25): Colour => mix(colour, '#ffffff', amount);

/** Hue in degrees, saturation and lightness in 0…1. */
export function hsl(hue: number, saturation: number, lightness: number): Colour {
  const reach = saturation * Math.min(lightness, 1 - lightness);
  const channel = (offset: number): number => {
    const position = (((offset + hue / 30) % 12) + 12) % 12;
    return 255 * (lightness - reach * Math.max(-1, Math.min(position - 3, 9 - position, 1)));
  };
  return fromChannels([channel(0), channel(8), channel(4)]);
}
