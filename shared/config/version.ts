import packageJson from '../../package.json' with { type: 'json' };

/** Of Sluice; job manager and task managers must agree on it. */
export const SLUICE_VERSION: string = packageJson.version;
