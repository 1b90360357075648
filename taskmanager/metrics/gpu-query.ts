/** What `nvidia-smi` says of one GPU; null: the card does not tell. */
export interface GpuReading {
  readonly index: string;
  readonly uuid: string;
  readonly name: string;
  /** Share of the last sample period in which the GPU did something, 0 to 1. */
  readonly utilization: number | null;
  readonly memoryUsedBytes: number | null;
  readonly memoryTotalBytes: number | null;
  readonly temperatureCelsius: number | null;
  readonly powerWatts: number | null;
}

const FIELDS = [
  'index',
  'uuid',
  'name',
  'utilization.gpu',
  'memory.used',
  'memory.total',
  'temperature.gpu',
  'power.draw',
] as const;

export const GPU_QUERY_ARGUMENTS: readonly string[] = [
  `--query-gpu=${FIELDS.join(',')}`,
  '--format=csv',
];

const MEBIBYTE = 1024 ** 2;

/**
 * The output of `nvidia-smi` with {@link GPU_QUERY_ARGUMENTS}: a header line that names fields and
 * units, then a line for each GPU. Lines that are something else (warnings) are left out. Pure.
 */
export function parseGpuQuery(text: string): readonly GpuReading[] {
  const lines = text.split(/\r?\n/);
  const start = lines.findIndex((line) => line.startsWith('index, uuid, name,'));
  if (start < 0) return [];
  return lines.slice(start + 1).flatMap((line) => {
    const cells = line.split(',').map((cell) => cell.trim());
    const [index = '', uuid = '', name = ''] = cells;
    if (cells.length !== FIELDS.length || !/^\d+$/.test(index)) return [];
    const [utilization, memoryUsed, memoryTotal, temperature, power] = cells.slice(3);
    const percent = quantity(utilization, '%');
    return [
      {
        ...{ index, uuid, name },
        utilization: percent === null ? null : percent / 100,
        memoryUsedBytes: mebibytes(memoryUsed),
        memoryTotalBytes: mebibytes(memoryTotal),
        temperatureCelsius: quantity(temperature, ''),
        powerWatts: quantity(power, 'W'),
      },
    ];
  });
}

function mebibytes(cell: string | undefined): number | null {
  const amount = quantity(cell, 'MiB');
  return amount === null ? null : amount * MEBIBYTE;
}

/** `37 %`; null for `[N/A]`, `[Not Supported]` and other units. */
function quantity(cell: string | undefined, unit: string): number | null {
  const [, digits, found = ''] = /^(\d+(?:\.\d+)?)\s*(\S*)$/.exec(cell ?? '') ?? [];
  return digits === undefined || found !== unit ? null : Number(digits);
}
