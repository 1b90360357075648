/**
 * sharp (libvips), set up for many images at a time: one libvips thread per image (the parallelism
 * is over images, in libuv's pool), no cache (no image comes twice), and only the loaders of the
 * formats that are accepted, so that no other parser is reachable from outside.
 *
 * The pool is the process's: all slots of a task manager share it.
 */
import sharp from 'sharp';

sharp.concurrency(1);
sharp.cache(false);
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: [
    'VipsForeignLoadJpeg',
    'VipsForeignLoadPng',
    'VipsForeignLoadWebp',
    'VipsForeignLoadNsgif',
    'VipsForeignLoadTiff',
    'VipsForeignLoadHeif',
    'VipsForeignLoadSvg',
  ],
});

export { sharp };

/** Far beyond what any accepted image takes; stops what was made to take for ever. */
export const DECODE_TIMEOUT_SECONDS = 60;
