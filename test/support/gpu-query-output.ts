/**
 * In the form in which `nvidia-smi --query-gpu=index,uuid,name,utilization.gpu,memory.used,memory.total,
 * temperature.gpu,power.draw --format=csv` prints, written after public examples; it was taken from no
 * machine. A data-centre card, and one that does not tell its power.
 */
export const GPU_QUERY_OUTPUT = `index, uuid, name, utilization.gpu [%], memory.used [MiB], memory.total [MiB], temperature.gpu, power.draw [W]
0, GPU-ad466f2f-575d-d949-35e0-9a7d912d974e, Tesla T4, 87 %, 7234 MiB, 15360 MiB, 72, 68.94 W
1, GPU-3410aa41-502b-5cf1-d8c4-58dc1c22fbc9, NVIDIA A100-SXM4-40GB, 0 %, 3 MiB, 40960 MiB, 31, [Not Supported]
`;

/** Likewise: a virtual GPU, with a warning of the driver in front. */
export const GPU_QUERY_OUTPUT_VIRTUAL = `WARNING: infoROM is corrupted at gpu 0000:00:1E.0
index, uuid, name, utilization.gpu [%], memory.used [MiB], memory.total [MiB], temperature.gpu, power.draw [W]
0, GPU-b2f5f1b7-45e9-d23d-0b2a-1a7e7d5f3a11, GRID T4-8Q, [N/A], 512 MiB, 8192 MiB, [N/A], [N/A]
`;
