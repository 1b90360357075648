/** How protos become JavaScript objects; the generated types (`npm run proto`) follow it. */
export const protoLoaderOptions = {
  keepCase: false,
  defaults: true,
  arrays: true,
  objects: true,
  oneofs: true,
} as const;
