import { quiet } from "./calls.js";
import { AuthenticationError, ConfigurationError, DealsError, NoReply, NotAuthorized } from "./errors.js";
import type { Requests } from "./requests.js";
import type { Runtime } from "./runtime.js";
import type { GetToken, TokenReason } from "./types.js";

const REUSE_MARGIN_MS = 30_000;
const RETRY_MIN_MS = 5_000;
const RETRY_MAX_MS = 60_000;

export interface Tokens {
  /** A token to open a connection with. Rejects with what `getToken` throws, or NoReply after the time limit. */
  _forOpening(): Promise<string>;
  /** The next token must be a new one. */
  _refuse(): void;
  /** Give up a request for a token; what it still delivers is dropped. */
  _abandon(error: DealsError): void;
  /** The service said how long the current token is good: plan its refresh. */
  _learn(lifeMs: number): void;
  /** Refresh now. Resolves when the service has taken a new token. Rejects with what prevented it. */
  _refresh(): Promise<void>;
  /** There is no connection to refresh the token of. */
  _cancel(): void;
}

/** The token: asked for once at a time, kept while it is good, and kept new on an open connection. */
export function createTokens(
  { _limits: limits, _random: random, _now: now, _timer: timer, _warn: warn }: Runtime,
  getToken: GetToken,
  call: Requests["_call"],
  stop: (error: DealsError) => void,
): Tokens {
  let current: string | undefined;
  let reason: TokenReason = "connect";
  let refreshReason: TokenReason = "expiring";
  let goodUntil = Infinity;
  let failures = 0;
  let asked: Promise<string> | undefined;
  let refreshing: Promise<void> | undefined;
  let abandon: (error: DealsError) => void;

  const limit = timer(() => abandon(new NoReply("getToken: no answer")));
  const lifeMs = (): number => goodUntil - now();
  const ask = (why: TokenReason): Promise<string> => {
    if (asked) return asked;
    const controller = new AbortController();
    const over = (): void => {
      if (asked !== mine) return;
      asked = undefined;
      limit();
    };
    const mine: Promise<string> = new Promise((resolve, reject) => {
      abandon = (error) => {
        over();
        controller.abort();
        reject(error);
      };
      new Promise<string>((answer) => answer(getToken({ reason: why, signal: controller.signal })))
        .then((token) => {
          if (!token || typeof token !== "string")
            throw new ConfigurationError("getToken: must return a token");
          return token;
        })
        .then(resolve, reject);
    });
    mine.then(over, over);
    limit(limits.tokenTimeoutMs);
    return (asked = mine);
  };
  const keep = (token: string): void => {
    current = token;
    reason = "connect";
  };
  const retry = (error: unknown): void => {
    warn("tokenNotRefreshed", error);
    refreshReason = error instanceof AuthenticationError ? "refused" : "expiring";
    plan(Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** failures));
    failures += 1;
  };
  const renew = async (): Promise<void> => {
    plan();
    const before = lifeMs();
    try {
      const token = await ask(refreshReason);
      const { data, timestamp } = await call("refreshToken", { token }, { _once: true });
      keep(token);
      const life = (data.expiresAt - timestamp) * 1000;
      if (life > before) self._learn(life);
      else retry(new DealsError("getToken: no newer token"));
    } catch (error) {
      if (error instanceof NotAuthorized) stop(error);
      else retry(error);
      throw error;
    }
  };
  const plan = timer(() => void self._refresh());

  const self: Tokens = {
    _forOpening() {
      if (current && lifeMs() > REUSE_MARGIN_MS) return Promise.resolve(current);
      return ask(reason).then((token) => {
        keep(token);
        goodUntil = Infinity;
        return token;
      });
    },
    _refuse() {
      current = undefined;
      reason = "refused";
    },
    _abandon(error) {
      if (asked) abandon(error);
    },
    _learn(life) {
      failures = 0;
      refreshReason = "expiring";
      goodUntil = now() + life;
      // A good minute before the end, of a short life a fifth.
      plan(Math.max(0, life < 300_000 ? life * 0.8 : life - 60_000 - 30_000 * random()));
    },
    _refresh: () =>
      (refreshing ??= quiet(
        renew().finally(() => {
          refreshing = undefined;
        }),
      )),
    _cancel() {
      plan();
      failures = 0;
    },
  };
  return self;
}
