/** What happens to an image before the model sees it: said, or guessed and reported. Pure. */
import type { PreprocessingOptions } from '../pipeline/kinds/transform-image-tensor.ts';
import type { ColorOrder } from '../record/image-tensor.ts';
import { modelMismatch } from './model-errors.ts';
import type { Preprocessing } from './model-spec.ts';
import type { ResolvedInput } from './resolve-input.ts';

/** Of the ImageNet photographs: what torchvision and most public models use. */
const IMAGENET_MEAN = [0.485, 0.456, 0.406] as const;
const IMAGENET_STD = [0.229, 0.224, 0.225] as const;
const SIDE_DEFAULT = 224;

export interface ResolvedPreprocessing {
  readonly preprocessing: Preprocessing;
  readonly warnings: readonly string[];
}

/** Rejects with MODEL_MISMATCH. `said` is the pipeline's preprocessing over the model.yaml's. */
export function resolvePreprocessing(
  input: ResolvedInput,
  said: PreprocessingOptions,
  uri: string,
): ResolvedPreprocessing {
  const warnings: string[] = [];
  const [cropHeight, cropWidth] = resolveCrop(input, said, uri, warnings);
  const longer = Math.max(cropHeight, cropWidth);
  const resize = said.resize ?? Math.round((longer * 256) / 224);
  if (resize < longer) {
    throw modelMismatch(
      uri,
      `\`resize: ${resize}\` is less than the crop of ${cropHeight}×${cropWidth}`,
      `Say \`resize: ${longer}\` or more.`,
    );
  }
  const color = resolveColor(input, said, uri);
  const normalization = resolveNormalization(input, said, uri, warnings);
  const { layout, type } = input;
  const preprocessing = { resize, cropHeight, cropWidth, color, ...normalization, layout, type };
  return { preprocessing, warnings };
}

function resolveCrop(
  input: ResolvedInput,
  said: PreprocessingOptions,
  uri: string,
  warnings: string[],
): readonly [number, number] {
  const { height, width } = input;
  if (said.crop === undefined) {
    if (height === null || width === null) {
      warnings.push(
        `The model takes images of any size; ${SIDE_DEFAULT} pixels are assumed. Say \`preprocessing: { crop: … }\`.`,
      );
    }
    return [height ?? SIDE_DEFAULT, width ?? SIDE_DEFAULT];
  }
  const [cropHeight, cropWidth] =
    typeof said.crop === 'number' ? [said.crop, said.crop] : said.crop;
  if ((height ?? cropHeight) !== cropHeight || (width ?? cropWidth) !== cropWidth) {
    throw modelMismatch(
      uri,
      `\`crop\` gives ${cropHeight}×${cropWidth} pixels, its input "${input.name}" takes ${height ?? 'any'}×${width ?? 'any'}`,
    );
  }
  return [cropHeight, cropWidth];
}

function resolveColor(input: ResolvedInput, said: PreprocessingOptions, uri: string): ColorOrder {
  const color = said.color ?? (input.channels === 1 ? 'GREY' : 'RGB');
  const channels = color === 'GREY' ? 1 : 3;
  if (channels === input.channels) return color;
  throw modelMismatch(
    uri,
    `\`color: ${color}\` gives ${channels} channels, its input "${input.name}" takes ${input.channels}`,
  );
}

type Normalization = Pick<Preprocessing, 'scale' | 'mean' | 'std'>;

function resolveNormalization(
  input: ResolvedInput,
  said: PreprocessingOptions,
  uri: string,
  warnings: string[],
): Normalization {
  const { channels, type } = input;
  const zeros = Array<number>(channels).fill(0);
  const ones = Array<number>(channels).fill(1);
  if (said.scale === undefined && said.mean === undefined && said.std === undefined) {
    if (type === 'u8') return { scale: 1, mean: zeros, std: ones };
    const guess = channels === 3 ? "ImageNet's mean and std" : 'pixels from 0 to 255';
    warnings.push(
      `Nothing says how the model wants its pixels; ${guess} are assumed. Say \`preprocessing: { scale, mean, std }\`.`,
    );
    if (channels === 1) return { scale: 1, mean: zeros, std: ones };
    return { scale: 255, mean: IMAGENET_MEAN, std: IMAGENET_STD };
  }
  const mean = perChannel('mean', said.mean, channels, uri) ?? zeros;
  const std = perChannel('std', said.std, channels, uri) ?? ones;
  return { scale: said.scale ?? impliedScale(said, warnings), mean, std };
}

/** Mean and std below one are written for pixels from 0 to 1. */
function impliedScale(said: PreprocessingOptions, warnings: string[]): number {
  const numbers = [...(said.mean ?? []), ...(said.std ?? [])].map(Math.abs);
  const scale = numbers.every((number) => number <= 1) ? 255 : 1;
  warnings.push(
    `mean and std are given without \`scale\`; \`scale: ${scale}\` is assumed from their size.`,
  );
  return scale;
}

function perChannel(
  name: 'mean' | 'std',
  numbers: readonly number[] | undefined,
  channels: number,
  uri: string,
): readonly number[] | undefined {
  if (numbers === undefined || numbers.length === channels) return numbers;
  if (numbers.length === 1) return Array<number>(channels).fill(numbers[0] ?? 0);
  throw modelMismatch(
    uri,
    `\`${name}\` has ${numbers.length} numbers, the image has ${channels} channels`,
  );
}
