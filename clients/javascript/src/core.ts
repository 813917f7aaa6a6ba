import { noop } from "./calls.js";
import { NETWORK, type Connection } from "./connection.js";
import { AuthenticationError, Forbidden, closedError, disconnectedError } from "./errors.js";
import { createInbox, type Inbox } from "./inbox.js";
import { pageLifecycle } from "./lifecycle.js";
import { createRequests, type Requests } from "./requests.js";
import { createRuntime, type Runtime } from "./runtime.js";
import { createSession } from "./session.js";
import { createTokens } from "./tokens.js";
import { createTopics, type Topics } from "./topics.js";
import type { ClientOptions, ClientState, Frame, LifecycleEvent, Message } from "./types.js";
import type { EventFrame, PushData } from "./wire.js";

const PING_NODE_MS = 60_000;
const PING_PAGE_MS = 240_000;
const FIRST_CHECK_MS = 60_000;
const FIRST_CHECK_SPREAD_MS = 30_000;
const CHECK_MS = 1_440_000;
const CHECK_SPREAD_MS = 720_000;
/** A `reconnect` frame without its own grace. */
const GRACE_S = 60;
const TICK_MS = 10_000;
const JUMP_MS = 5_000;

type Pushed = { [Type in keyof PushData]: (data: PushData[Type], connection: Connection) => void };

/** The parts of a client that its methods call. */
export interface Core {
  readonly _on: Runtime["_on"];
  readonly _call: Requests["_call"];
  readonly _waitingOn: Requests["_waitingOn"];
  readonly _subscribe: Topics["_subscribe"];
  readonly _entries: Inbox["_entries"];
  _connect(signal?: AbortSignal): Promise<void>;
  _disconnect(): void;
  _close(): Promise<void>;
}

/** Put the parts of a client together. */
export function createCore(client: { state: ClientState }, options: ClientOptions): Core {
  const runtime = createRuntime(options);
  const { _limits: limits, _random: random, _timer: timer, _emit: emit, _warn: warn } = runtime;
  const lifecycle = options.lifecycle ?? pageLifecycle();
  const open = new Set<Connection>();
  let features: string[] = [];
  let isHidden = false;
  let stopListening: (() => void) | undefined;

  const can = (feature: string): boolean => features.includes(feature);
  const requests = createRequests(runtime, () => tokens._refresh());
  const tokens = createTokens(runtime, options.getToken, requests._call, (error) => session._stop(error));
  const positions = options.storage?._positions(runtime, () => topics._all());
  const topics = createTopics(runtime, requests._call, {
    _can: can,
    _restore: (sub) => positions?._restore(sub),
    _moved: () => positions?._moved(),
  });
  const inbox = createInbox(runtime, requests._call);

  const askAll = (): void => open.forEach((connection) => connection._ask());
  const planAll = (): void => open.forEach((connection) => connection._plan());
  /** Something may have changed: ask whether the connection lives, or end a wait. */
  const doubt = (hasSlept: boolean): void => {
    session._hurry(hasSlept);
    askAll();
  };
  /** A timer that is far too late tells of a sleep; in hidden pages timers are late without one. */
  const tick = timer((lateMs) => {
    tick(TICK_MS);
    if (lateMs > JUMP_MS && (lifecycle?.isActive() ?? true)) doubt(true);
  });
  const stopWatching = (): void => {
    tick();
    stopListening?.();
    stopListening = undefined;
  };
  const heard = (event: LifecycleEvent): void => {
    if (event === "offline")
      askAll(); // a question, not an answer
    else if (event === "pagehide") {
      positions?._save();
      isHidden = /^(c|w)/.test(client.state); // connecting, connected or waiting
      session._disconnect(event);
    } else if (event === "pageshow") {
      if (isHidden) void session._connect();
    } else {
      planAll();
      if (event !== "inactive") doubt(false);
    }
  };

  /** Ask whether the service knows the connection; its answer begins everything that needs one. */
  const prove = async (connection: Connection): Promise<void> => {
    const reply = await requests
      ._call("getStatus", {}, { _on: connection, _once: true })
      .catch((error: unknown) => {
        if (error instanceof AuthenticationError) {
          tokens._refuse();
          connection._fail(NETWORK);
        } else if (connection._isLive) warn("statusUnknown", error);
      });
    if (!connection._isLive) return;
    if (reply) {
      const { server, userId, tokenExpiresAt } = reply.data;
      features = server?.features ?? [];
      planAll();
      positions?._useUser(userId);
      if (tokenExpiresAt) tokens._learn((tokenExpiresAt - reply.timestamp) * 1000);
    }
    session._confirm(connection);
    if (!connection._isLive) return; // a listener has ended it
    if (!topics._isOn(connection)) topics._use(connection);
    check(FIRST_CHECK_MS + random() * FIRST_CHECK_SPREAD_MS);
    if (reply) void inbox._catchUp(connection, reply.timestamp);
  };
  /** Ask again now and then, in place of a ping, which reads no store. */
  const check = timer(() => {
    check(CHECK_MS + random() * CHECK_SPREAD_MS);
    for (const connection of open)
      if (topics._isOn(connection))
        // CONNECTION_ERROR ends the connection; after any other error it is asked again later.
        requests
          ._call("getStatus", {}, { _on: connection })
          .then(({ data }) => topics._isOn(connection) && topics._compare(data.subscriptions), noop);
  });

  const session = createSession(runtime, client, options, tokens, {
    _prepare: () => positions?._load(),
    _opened(connection, isHandover) {
      open.add(connection);
      void prove(connection);
      // Stored positions may be another user's, so they wait for the answer; so does a hand-over for its turn.
      if (!isHandover && !positions?._areUnproven()) topics._use(connection);
    },
    _use: requests._use,
    _received: (connection, frame) => receive(frame, connection),
    _lost(connection, loss) {
      open.delete(connection);
      requests._lose(connection, loss);
      if (topics._isOn(connection)) topics._use();
    },
    _isDrained: (connection) => requests._waitingOn(connection).length === 0 && topics._areSettled(),
    _pingAfterMs() {
      const { pingAfterMs, keepAliveAfterMs } = limits;
      const rarely = can("keepAlive") ? undefined : keepAliveAfterMs;
      if (pingAfterMs === null || lifecycle?.isActive() === false) return rarely;
      return pingAfterMs ?? (lifecycle ? PING_PAGE_MS : PING_NODE_MS);
    },
    _changed(change) {
      if (change.state !== "connected") {
        tokens._cancel();
        check();
      }
      if (change.state === "connecting") {
        isHidden = false;
        stopListening ??= lifecycle?.listen(heard);
        if (!tick._isOn) tick(TICK_MS);
      } else if (/^[is]|closed/.test(change.state)) {
        // Idle, stopped or closed. A page that is hidden in the cache still hears of its return.
        if (isHidden) tick();
        else stopWatching();
      }
      emit("state", change);
    },
  });

  const pushed: Pushed & { __proto__: null } = {
    __proto__: null,
    batch: ({ frames }, connection) => frames.forEach((frame) => receive(frame, connection)),
    messageReceived: (data) => inbox._receive("message", data),
    notification: (data) => inbox._receive("notification", data as Message),
    messageStatus: (data) => emit("messageStatus", data),
    tokenExpiring: () => void tokens._refresh(),
    reconnect: (data) => session._handOver((data.graceSeconds ?? GRACE_S) * 1000),
    subscriptionEnded: ({ topic, reason }) =>
      topics._end(
        reason,
        reason === "permissions" && new Forbidden(`${topic} is no longer permitted`, { code: "FORBIDDEN" }),
        topic,
      ),
    closing: (data, connection) => void (connection._closing = data),
  };

  /** Hand a frame to whom it is for. One with a position is an event, whatever its type. */
  const receive = (frame: Frame, connection: Connection): void => {
    const { type, data = {}, requestId } = frame;
    if (frame.position !== undefined && frame.topic && frame.eventId)
      return topics._receive(frame as EventFrame);
    if (!type) return warn("gatewayFrame", frame, `API Gateway: ${(frame as { message?: string }).message}`);
    if (requests._settle(frame, connection)) return;
    const push = pushed[type as "batch"];
    if (push) push(data as never, connection);
    // With an id it is the reply to a request that was given up.
    else if (!requestId && type !== "pong")
      warn(
        type === "error" ? "unexpectedError" : "unknownFrame",
        frame,
        `${type} ${data.code}: ${data.message}`,
      );
  };

  const core: Core = {
    _on: runtime._on,
    _call: requests._call,
    _waitingOn: requests._waitingOn,
    _subscribe: topics._subscribe,
    _entries: inbox._entries,
    _connect: session._connect,
    _disconnect() {
      positions?._save();
      isHidden = false;
      session._disconnect();
      stopWatching();
      requests._rejectAll(disconnectedError());
    },
    async _close() {
      if (client.state !== "closed") positions?._save();
      const closing = session._close();
      topics._end("closed", closedError());
      requests._rejectAll(closedError());
      runtime._silence();
      await closing;
      runtime._stopAll();
    },
  };
  return core;
}
