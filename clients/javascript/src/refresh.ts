import type { Timer, Timers } from "./clock.js";
import { AuthenticationError, DealsError, NotAuthorized } from "./errors.js";
import type { Settings } from "./options.js";
import type { Requests } from "./requests.js";
import type { Tokens } from "./token.js";
import type { TokenReason } from "./types.js";

const RETRY_MIN_MS = 5_000;
const RETRY_MAX_MS = 60_000;

/** Keeps the token of the open connection new. */
export class Refresh {
  private timer: Timer | undefined;
  private failures = 0;
  private running: Promise<void> | undefined;

  constructor(
    private readonly tokens: Tokens,
    private readonly requests: Requests,
    private readonly timers: Timers,
    private readonly settings: Settings,
    private readonly stop: (error: NotAuthorized) => void,
    private readonly warn: (error: unknown) => void,
  ) {}

  /** Plan the refresh of a token that lives so long: a good minute before its end. */
  plan(lifeMs: number): void {
    this.failures = 0;
    const before = lifeMs < 300_000 ? lifeMs * 0.2 : 60_000 + 30_000 * this.settings.random();
    this.tokens.setLife(lifeMs);
    this.start(lifeMs - before);
  }

  /** Refresh now. Resolves when the service has taken a new token. Rejects with what prevented it. */
  now(reason: TokenReason = "expiring"): Promise<void> {
    this.running ??= this.run(reason).finally(() => (this.running = undefined));
    return this.running;
  }

  cancel(): void {
    this.timer?.stop();
    this.failures = 0;
  }

  private start(ms: number, reason?: TokenReason): void {
    this.timer?.stop();
    this.timer = this.timers.start(Math.max(0, ms), () => void this.now(reason).catch(() => {}));
  }

  private async run(reason: TokenReason): Promise<void> {
    this.timer?.stop();
    const before = this.tokens.lifeMs;
    try {
      const token = await this.tokens.ask(reason);
      const reply = await this.requests.call("refreshToken", { token }, { once: true });
      const lifeMs = (Number(reply.data?.expiresAt) - Number(reply.timestamp)) * 1000;
      this.tokens.keep(token);
      if (lifeMs > before) this.plan(lifeMs);
      else this.retry(new DealsError("getToken returned a token that lives no longer than the old one"));
    } catch (error) {
      if (error instanceof NotAuthorized) this.stop(error);
      else this.retry(error);
      throw error;
    }
  }

  private retry(error: unknown): void {
    this.warn(error);
    const ms = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** this.failures);
    this.failures += 1;
    this.start(ms, error instanceof AuthenticationError ? "refused" : "expiring");
  }
}
