import { ConfigurationError } from "./errors.js";
import type { ClientOptions, SocketClass } from "./types.js";

const DEFAULTS = {
  openTimeoutMs: 10_000,
  attemptTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  tokenTimeoutMs: 10_000,
  pingAfterMs: undefined as number | null | undefined,
  pingTimeoutMs: 10_000,
  keepAliveAfterMs: 480_000,
  backoffBaseMs: 2_000,
  backoffCapMs: 30_000,
  backoffStableMs: 10_000,
  maxAgeMs: undefined as number | undefined,
  queueRequests: 100,
  queueBytes: 256 * 1024,
  buffer: 1_000,
  seen: 2_000,
  maxReplay: 5_000,
};
/** Outside limit: API Gateway closes a connection that was idle for 600 s. */
const IDLE_MAX_MS = 540_000;

/** The limits and times of a client. */
export type Limits = typeof DEFAULTS;

/** The limits of a client. Throws ConfigurationError for an option that is out of range. */
export function readLimits(options: ClientOptions): Limits {
  const limits: Limits = { ...DEFAULTS };
  for (const name of Object.keys(DEFAULTS) as (keyof Limits)[]) {
    const value = options[name];
    const most = /^(ping|keepAlive)After/.test(name) ? IDLE_MAX_MS : Infinity;
    if (value === undefined) continue;
    if (!(value! > 0 && value! <= most) && (value !== null || name !== "pingAfterMs"))
      throw new ConfigurationError(`${name}: must be above 0, at most ${most}`);
    limits[name] = value as never;
  }
  if (options.storage && !options.storage._positions)
    throw new ConfigurationError("storage: must be of keepIn");
  if (typeof options.getToken !== "function") throw new ConfigurationError("getToken: must be a function");
  return limits;
}

/**
 * The class of the sockets. Throws ConfigurationError where the runtime has none, and for a URL that is none or that a
 * token may not be sent to.
 */
export function findSocketClass(url: string, given: unknown): SocketClass {
  if (!/^(wss:\/\/[^\s/#]+|ws:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(?![^/?]))[^\s#]*$/.test(url))
    throw new ConfigurationError("url: must be wss://HOST/STAGE; ws:// only to localhost");
  const found = given ?? (globalThis as { WebSocket?: unknown }).WebSocket;
  if (!found) throw new ConfigurationError('WebSocket: there is none; pass it: import WebSocket from "ws"');
  return found as SocketClass;
}
