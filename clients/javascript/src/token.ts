import type { Timer, Timers } from "./clock.js";
import { defer, type Deferred } from "./calls.js";
import { ConfigurationError, DealsError, NoReply } from "./errors.js";
import type { Settings } from "./options.js";
import type { GetToken, TokenReason } from "./types.js";

const REUSE_MARGIN_MS = 30_000;

/** The token: asked for once at a time, kept while it is good. */
export class Tokens {
  private current: string | undefined;
  private reason: TokenReason = "connect";
  private goodUntil = Infinity;
  private asked: (Deferred<string> & { controller: AbortController; timer: Timer }) | undefined;

  constructor(
    private readonly getToken: GetToken,
    private readonly timers: Timers,
    private readonly settings: Settings,
  ) {}

  /** The next token must be a new one. */
  refuse(): void {
    this.current = undefined;
    this.reason = "refused";
  }

  /** The service said how long the current token is good. */
  setLife(ms: number): void {
    this.goodUntil = this.timers.now() + ms;
  }

  get lifeMs(): number {
    return this.goodUntil - this.timers.now();
  }

  /** A token to open a connection with. Rejects with what `getToken` throws, or NoReply after the time limit. */
  forOpening(): Promise<string> {
    if (this.current !== undefined && this.lifeMs > REUSE_MARGIN_MS) return Promise.resolve(this.current);
    return this.ask(this.reason).then((token) => {
      this.keep(token);
      this.goodUntil = Infinity;
      return token;
    });
  }

  /** A new token, which is not kept yet. */
  ask(reason: TokenReason): Promise<string> {
    if (this.asked) return this.asked.promise;
    const controller = new AbortController();
    const timer = this.timers.start(this.settings.limits.tokenTimeoutMs, () =>
      this.abandon(new NoReply("getToken did not answer in time", { retryable: true })),
    );
    const asked = (this.asked = { ...defer<string>(), controller, timer });

    const settled = (settle: () => void): void => {
      if (this.asked !== asked) return;
      this.asked = undefined;
      timer.stop();
      settle();
    };
    new Promise<string>((resolve) => resolve(this.getToken({ reason, signal: controller.signal }))).then(
      (token) =>
        settled(() =>
          typeof token === "string" && token
            ? asked.resolve(token)
            : asked.reject(new ConfigurationError("getToken: must return a token")),
        ),
      (error: unknown) => settled(() => asked.reject(error)),
    );
    return asked.promise;
  }

  /** Keep a token that was accepted. */
  keep(token: string): void {
    this.current = token;
    this.reason = "connect";
  }

  /** Give up a request for a token; what it still delivers is dropped. */
  abandon(error: DealsError): void {
    const asked = this.asked;
    this.asked = undefined;
    asked?.timer.stop();
    asked?.controller.abort();
    asked?.reject(error);
  }
}
