import { systemClock, type Clock } from "./clock.js";
import { ConfigurationError } from "./errors.js";
import type { ClientOptions, SocketClass } from "./types.js";

const DEFAULTS = {
  openTimeoutMs: 10_000,
  attemptTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  tokenTimeoutMs: 10_000,
  pingTimeoutMs: 10_000,
  keepAliveAfterMs: 480_000,
  backoffBaseMs: 2_000,
  backoffCapMs: 30_000,
  backoffStableMs: 10_000,
  queueRequests: 100,
  queueBytes: 256 * 1024,
  buffer: 1_000,
  seen: 2_000,
  maxReplay: 5_000,
};
/** Outside limit: API Gateway closes a connection that was idle for 600 s. */
const IDLE_MAX_MS = 540_000;

/** The limits and times of a client. */
export type Limits = typeof DEFAULTS & {
  pingAfterMs: number | null | undefined;
  maxAgeMs: number | undefined;
};

/** What every part of a client works with. */
export interface Settings {
  limits: Limits;
  clock: Clock;
  random: () => number;
  parse: (text: string) => unknown;
}

/** The settings of a client. Throws ConfigurationError for a limit that is out of range. */
export function readSettings(options: ClientOptions): Settings {
  const limits: Limits = { ...DEFAULTS, pingAfterMs: options.pingAfterMs, maxAgeMs: options.maxAgeMs };
  for (const name of [...Object.keys(DEFAULTS), "pingAfterMs", "maxAgeMs"] as (keyof Limits)[]) {
    const value = options[name];
    if (value === undefined || value === null) continue;
    const most = name === "pingAfterMs" || name === "keepAliveAfterMs" ? IDLE_MAX_MS : Infinity;
    if (!(value > 0 && value <= most))
      throw new ConfigurationError(
        `${name}: must be a number above 0${most < Infinity ? ` and at most ${most}: API Gateway closes idle connections` : ""}`,
      );
    limits[name] = value;
  }
  if (typeof options.getToken !== "function")
    throw new ConfigurationError("getToken: must be a function that returns a token");
  return {
    limits,
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
    parse: options.parse ?? JSON.parse,
  };
}

/** Throws ConfigurationError for a URL that a token may not be sent to, or that is none. */
export function checkUrl(url: string): void {
  if (
    /^wss:\/\/[^\s/#]+[^\s#]*$/.test(url) ||
    /^ws:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?([/?][^\s#]*)?$/.test(url)
  )
    return;
  throw new ConfigurationError(
    `url: must be wss://HOST/STAGE (ws:// only to localhost), not ${String(url).split("?")[0]}`,
  );
}

/** The class of the sockets. Throws ConfigurationError where the runtime has none. */
export function findSocketClass(given: unknown): SocketClass {
  const found = given ?? (globalThis as { WebSocket?: unknown }).WebSocket;
  if (found) return found as SocketClass;
  throw new ConfigurationError(
    'WebSocket: this runtime has none (Node has one from 22 on). Install ws and pass it: import WebSocket from "ws"; new DealsClient({ WebSocket, … })',
  );
}
