import { REFUSALS_MAX, backoffMs } from "./backoff.js";
import { noop, onAbort, quiet } from "./calls.js";
import { NETWORK, openConnection, type Connection, type Loss } from "./connection.js";
import {
  ConfigurationError,
  DealsError,
  HandshakeRefused,
  NotAuthorized,
  closedError,
  disconnectedError,
} from "./errors.js";
import { findSocketClass } from "./options.js";
import type { Runtime } from "./runtime.js";
import type { Tokens } from "./tokens.js";
import type { ClientOptions, ClientState, Frame, StateChange } from "./types.js";

const HURRY_MAX_MS = 500;
const HURRY_EVERY_MS = 5_000;
const DRAIN_MS = 10_000;
const DRAIN_CHECK_MS = 100;
/** Outside limit: API Gateway closes every connection after two hours. */
const LONGEST_MS = 7_200_000;
const MAX_AGE_MS = 7_020_000;
const MAX_AGE_SPREAD_MS = 120_000;

/** What the session tells the rest of the client about its connections. */
export interface SessionHost {
  /** Before a token is asked for. */
  _prepare(): Promise<void> | undefined;
  /** A socket is open: prove the connection. `isHandover`: another one is in use. */
  _opened(connection: Connection, isHandover: boolean): void;
  /** The connection is the one in use from now on. */
  _use(connection: Connection): void;
  _received(connection: Connection, frame: Frame): void;
  /** A connection has ended; without a loss, because the client is done with it. */
  _lost(connection: Connection, loss?: Loss): void;
  /** Whether nothing is expected on an old connection any more. */
  _isDrained(connection: Connection): boolean;
  _pingAfterMs(): number | undefined;
  _changed(change: StateChange): void;
}

export interface Session {
  /** Connect, or wait for the connection that is under way. */
  _connect(signal?: AbortSignal): Promise<void>;
  /** End every connection and timer of the session. */
  _disconnect(reason?: string): void;
  /** The same for ever; resolves when the sockets are closed, within a second. */
  _close(): Promise<unknown>;
  /** A person must act before it makes sense to try again. */
  _stop(error: DealsError): void;
  /** The connection that was opened last has answered. */
  _confirm(connection: Connection): void;
  /** Move to a new connection before the current one ends. */
  _handOver(graceMs?: number): void;
  /** End a wait, after a sleep twice, since there is reason to believe that an attempt may work now. */
  _hurry(hasSlept: boolean): void;
}

/** The states of the client, and the attempts that lead from one to the next. */
export function createSession(
  runtime: Runtime,
  client: { state: ClientState },
  { url, WebSocket, parse = JSON.parse }: ClientOptions,
  tokens: Tokens,
  host: SessionHost,
): Session {
  const { _limits: limits, _random: random, _now: now, _timer: timer, _warn: warn } = runtime;
  const draining = new Set<Connection>();
  /** Who waits for `connected`; called with an error if that will not come. */
  const waiters = new Set<(error?: unknown) => void>();
  /** The connection in use, or the one that is being opened. */
  let current: Connection | undefined;
  /** The one that is being opened while another one is in use. */
  let next: Connection | undefined;
  /** The number of what was begun last; what an older attempt still delivers is dropped. */
  let attempts = 0;
  /** Failures in a row, since a connection was stable, and refusals without a status. */
  let failures = 0;
  let refusals = 0;
  let closings: Promise<unknown> = Promise.resolve();
  let isHandingOver = false;
  let handoverEndsAt: number;
  let hasRetriedToken = false;
  let lastHurryAt = -Infinity;
  let hurriesAgain = false;

  const begin = (): void => {
    move("connecting");
    if (client.state === "connecting") void attempt(false);
  };
  const waiting = timer(begin);
  const stable = timer(() => void (failures = 0));
  const age = timer(() => self._handOver());
  const firstReply = timer(() => (next ?? current)!._fail(NETWORK));
  const cut = timer(() => current!._fail({ _kind: "closed" }));

  const move = (state: ClientState, more?: Partial<StateChange>): void => {
    const previous = client.state;
    if (previous === state) return;
    client.state = state;
    host._changed({ state, previous, ...more });
  };
  const answerWaiters = (error?: unknown): void => {
    for (const answer of [...waiters]) answer(error);
  };

  /** Token, handshake and first reply. */
  const attempt = async (isHandover: boolean): Promise<void> => {
    const number = (attempts += 1);
    let token: string;
    try {
      await host._prepare();
      token = await tokens._forOpening();
    } catch (error) {
      if (attempts !== number) return; // disconnected, or another attempt began
      if (error instanceof NotAuthorized || error instanceof ConfigurationError) return self._stop(error);
      failed(isHandover, "network", error);
      return warn("tokenFailed", error);
    }
    if (attempts !== number) return;

    try {
      const connection = openConnection(runtime, url, token, findSocketClass(url, WebSocket), parse, {
        ...host,
        _opened() {
          refusals = 0;
          firstReply(limits.attemptTimeoutMs);
          host._opened(connection, isHandover);
        },
        _lost: lose,
      });
      if (isHandover) next = connection;
      else current = connection;
    } catch (cause) {
      self._stop(new ConfigurationError(`url: ${cause}`, { cause }));
    }
  };

  /** An attempt has failed: try again later, or of a hand-over, keep the old connection till shortly before its end. */
  const failed = (isHandover: boolean, reason: string, error?: unknown, atLeastMs = 0): void => {
    if (isHandover) {
      isHandingOver = false;
      return cut(random() * Math.max(0, handoverEndsAt - now()));
    }
    failures += 1;
    const delayMs = hurriesAgain ? random() * HURRY_MAX_MS : backoffMs(runtime, failures, refusals);
    const retryInMs = Math.max(delayMs, atLeastMs);
    hurriesAgain = false;
    stable();
    waiting(retryInMs);
    move("waiting", { reason, retryInMs, ...(error instanceof DealsError && { error }) });
  };

  const lose = (connection: Connection, loss: Loss): void => {
    if (draining.delete(connection)) return host._lost(connection);
    const isHandover = connection === next;
    const wasInUse = !isHandover && client.state === "connected";
    firstReply();
    if (isHandover) next = undefined;
    else current = undefined;
    if (wasInUse) endHandover();
    const number = attempts;
    host._lost(connection, loss);
    if (attempts !== number) return; // a handler has ended it, or begun anew

    if (!connection._isOpen) return refused(loss, isHandover);
    // DeleteConnection is 1000 without a reason: the token may have expired or been revoked.
    const { reason, reconnect, retryAfterMs } = connection._closing ?? {
      reason: loss._code === 1000 ? "expired" : undefined,
    };
    if (reason === "expired" || reason === "revoked") tokens._refuse();
    if (reconnect === false && !isHandover) return self._stop(new NotAuthorized(`closed: ${reason}`));
    failed(isHandover, loss._kind, undefined, retryAfterMs);
  };

  /** The handshake has failed. */
  const refused = ({ _kind, _status: status }: Loss, isHandover: boolean): void => {
    if (_kind !== "refused") return failed(isHandover, "network");
    const cause = new HandshakeRefused(`status ${status ?? "unknown"}`, { status });
    if (!status) {
      // The application's own token request decides: it sees a status.
      tokens._refuse();
      refusals += 1;
      failed(isHandover, refusals < REFUSALS_MAX ? "network" : "refused", cause);
    } else if (status === 401) {
      tokens._refuse();
      if (hasRetriedToken || isHandover) failed(isHandover, "refused", cause);
      else {
        hasRetriedToken = true;
        void attempt(false);
      }
    } else if (status === 429) failed(isHandover, "throttled", cause);
    else if (isHandover || status >= 500) failed(isHandover, "network", cause);
    else if (status === 403) self._stop(new NotAuthorized("user or token refused", { cause }));
    else self._stop(new ConfigurationError(`url: answered ${status}`, { cause }));
    warn("handshakeRefused", cause);
  };

  /** Let an old connection finish what was asked on it. */
  const drain = (old: Connection): void => {
    const until = now() + DRAIN_MS;
    const check = timer(() => {
      if (!draining.has(old)) return;
      if (now() < until && !host._isDrained(old)) return check(DRAIN_CHECK_MS);
      draining.delete(old);
      finish(old);
    });
    draining.add(old);
    check(DRAIN_CHECK_MS);
  };

  const finish = (connection: Connection): void => {
    closings = Promise.all([closings, connection._end(true)]).then(noop);
    host._lost(connection);
  };

  const endHandover = (): void => {
    const dropped = next;
    attempts += 1;
    isHandingOver = false;
    next = undefined;
    age();
    cut();
    if (!dropped) return;
    void dropped._end(false);
    host._lost(dropped);
  };

  /** Drop all connections and plans, and be in another state. */
  const leave = (state: ClientState, error: unknown, more?: Partial<StateChange>): void => {
    endHandover();
    for (const running of [waiting, stable, firstReply]) running();
    tokens._abandon(closedError());
    const left = [current, ...draining];
    current = undefined;
    draining.clear();
    answerWaiters(error);
    move(state, more);
    for (const connection of left) if (connection) finish(connection);
  };

  const self: Session = {
    _connect: (signal) =>
      quiet(
        new Promise<void>((resolve, reject) => {
          if (client.state === "closed") return reject(closedError());
          if (client.state === "connected") return resolve();
          let stopListening = noop;
          const answer = (error?: unknown): void => {
            waiters.delete(answer);
            stopListening();
            if (error) reject(error);
            else resolve();
          };
          waiters.add(answer);
          stopListening = onAbort(signal, (reason) => {
            answer(reason);
            if (waiters.size === 0 && client.state !== "connected") self._disconnect();
          });
          if (!waiters.has(answer) || (client.state !== "idle" && client.state !== "stopped")) return;
          try {
            findSocketClass(url, WebSocket);
            begin();
          } catch (error) {
            leave("stopped", error, { reason: "configuration", error: error as DealsError });
          }
        }),
      ),
    _disconnect(reason) {
      if (client.state !== "closed" && client.state !== "idle")
        leave("idle", disconnectedError(), reason ? { reason } : {});
    },
    _close() {
      if (client.state !== "closed") leave("closed", closedError());
      return closings;
    },
    _stop(error) {
      const reason = error instanceof NotAuthorized ? "notAuthorized" : "configuration";
      if (client.state !== "closed" && client.state !== "idle") leave("stopped", error, { reason, error });
    },
    _confirm(connection) {
      const old = current;
      firstReply();
      cut();
      next = undefined;
      isHandingOver = hasRetriedToken = false;
      current = connection;
      host._use(connection);
      if (old !== connection) drain(old!);
      stable(limits.backoffStableMs);
      age(limits.maxAgeMs ?? MAX_AGE_MS + random() * MAX_AGE_SPREAD_MS);
      answerWaiters();
      move("connected");
    },
    _handOver(graceMs = Infinity) {
      if (client.state !== "connected" || isHandingOver) return;
      isHandingOver = true;
      handoverEndsAt = Math.min(current!._createdAt + LONGEST_MS, now() + graceMs);
      void attempt(true);
    },
    _hurry(hasSlept) {
      if (client.state !== "waiting" || now() - lastHurryAt < HURRY_EVERY_MS) return;
      lastHurryAt = now();
      hurriesAgain = hasSlept; // the network of a machine that wakes is rarely there at once
      waiting(random() * HURRY_MAX_MS);
    },
  };
  return self;
}
