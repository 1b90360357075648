import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import type { TlsFiles } from '../config/tls-files.ts';
import { serializeError } from '../errors/sluice-error.ts';
import type { Logger } from '../observability/logger.ts';
import type { Clock } from '../time/clock.ts';
import { subjectOf } from './peer-role.ts';
import { readTlsMaterial, type TlsMaterial } from './tls-material.ts';
import { WatchedFiles } from './watched-files.ts';

export interface TlsIdentityOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly intervalMs?: number;
}

const DAY_MS = 24 * 3_600_000;
/** From then on the log asks for a new one, at every start and once a day. */
const EXPIRES_SOON_MS = 14 * DAY_MS;

/** All ends are Sluice's own, or talk to it today: nothing older is needed. The quickest cipher first. */
const PROTOCOL: SecureContextOptions = {
  minVersion: 'TLSv1.3',
  ciphers: 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256',
};

/**
 * What a process shows to others and whom it trusts. The files are looked at every few seconds; a new
 * set that fits together serves every connection from then on, and those that are open stay open. A set
 * that does not fit is logged, and the old one goes on.
 */
export class TlsIdentity {
  readonly #files: TlsFiles;
  readonly #options: TlsIdentityOptions;
  readonly #watch: WatchedFiles;
  readonly #listeners = new Set<() => void>();
  #material: TlsMaterial;
  #context: SecureContext;
  #cancelReminder: () => void = () => {};

  private constructor(
    files: TlsFiles,
    options: TlsIdentityOptions,
    loaded: { readonly material: TlsMaterial; readonly watch: WatchedFiles },
  ) {
    this.#files = files;
    this.#options = options;
    this.#material = loaded.material;
    this.#watch = loaded.watch;
    this.#context = createSecureContext(contextOptions(loaded.material));
    this.#remind();
  }

  /** Throws FILE_NOT_FOUND, ARGUMENT_INVALID or CERTIFICATE_INVALID. */
  static async load(files: TlsFiles, options: TlsIdentityOptions): Promise<TlsIdentity> {
    const { clock, intervalMs } = options;
    let identity: TlsIdentity | null = null;
    const watch = new WatchedFiles({
      paths: [files.certificate, files.key, files.authority],
      clock,
      onChange: async () => {
        if (identity !== null) await identity.#reload();
      },
      ...(intervalMs === undefined ? {} : { intervalMs }),
    });
    // First: what changes while the files are read is read again.
    await watch.start();
    try {
      const material = await readTlsMaterial(files, clock.nowMs());
      identity = new TlsIdentity(files, options, { material, watch });
      return identity;
    } catch (error) {
      watch.close();
      throw error;
    }
  }

  get material(): TlsMaterial {
    return this.#material;
  }

  /** For new connections, either way. */
  get context(): SecureContext {
    return this.#context;
  }

  /** For servers, which have no use for a ready context. */
  get contextOptions(): SecureContextOptions {
    return contextOptions(this.#material);
  }

  /** Called after a new set was loaded; gives what takes the listener off. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#watch.close();
    this.#cancelReminder();
    this.#listeners.clear();
  }

  async #reload(): Promise<void> {
    const { clock, logger } = this.#options;
    try {
      const material = await readTlsMaterial(this.#files, clock.nowMs());
      this.#context = createSecureContext(contextOptions(material));
      this.#material = material;
    } catch (error) {
      const message = 'the changed TLS files cannot be used; the old certificate goes on';
      logger.error({ error: serializeError(error) }, message);
      return;
    }
    const { leaf, expiresAtMs } = this.#material;
    const expiresAt = new Date(expiresAtMs).toISOString();
    logger.info({ subject: subjectOf(leaf), expiresAt }, 'new TLS certificate');
    for (const listener of this.#listeners) listener();
  }

  #remind(): void {
    const { clock, logger } = this.#options;
    const { leaf, expiresAtMs } = this.#material;
    if (expiresAtMs - clock.nowMs() < EXPIRES_SOON_MS) {
      const expiresAt = new Date(expiresAtMs).toISOString();
      logger.warn({ subject: subjectOf(leaf), expiresAt }, 'the TLS certificate expires soon');
    }
    this.#cancelReminder = clock.setTimer(DAY_MS, () => this.#remind());
  }
}

function contextOptions({ certificate, key, authority }: TlsMaterial): SecureContextOptions {
  return { ...PROTOCOL, cert: certificate, key, ca: authority };
}
