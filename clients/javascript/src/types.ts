import type { Filters } from "./filter_types.js";
import type { Clock } from "./clock.js";
import type { DealsError } from "./errors.js";
import type { Runtime } from "./runtime.js";
import type { Positions } from "./storage.js";
import type { Sub } from "./subscription.js";
import type { MessageReceived, MessageStatus, Notification as Pushed, StatusUpdate } from "./wire.js";

/** A frame of the service, as it is on the wire. */
export interface Frame {
  type?: string;
  data?: Record<string, unknown>;
  timestamp?: number;
  requestId?: string;
  topic?: string;
  eventId?: string;
  position?: number;
  filters?: Record<string, unknown>;
}

/** An event of a topic. */
export interface DealEvent<Data = unknown> {
  type: string;
  topic: string;
  eventId: string;
  /** Rises through the whole deployment; events come in any order unless `order: "position"` is asked for. */
  position: number;
  /** Epoch seconds. */
  timestamp: number;
  data: Data;
  source: "recent" | "replay" | "live";
  /** With `order: "position"`: an event with a higher position has been handed out before. */
  late?: true;
}

export type ClientState = "idle" | "connecting" | "connected" | "waiting" | "stopped" | "closed";
export type SubscriptionState = "pending" | "catchingUp" | "live" | "ended";

export interface StateChange {
  state: ClientState;
  previous: ClientState;
  /** `waiting`: network, refused, throttled, closed. `stopped`: notAuthorized, configuration. */
  reason?: string;
  retryInMs?: number;
  error?: DealsError;
}

export interface SubscriptionChange {
  state: SubscriptionState;
  /** Of `ended`: unsubscribed, forbidden, closed, or the service's reason. */
  reason?: string;
  error?: DealsError;
}

/** The wish for the events of a topic, and what of them has come. Iterate over it, or give `onEvent`. */
export interface Subscription<Data = unknown> extends AsyncIterable<DealEvent<Data>> {
  readonly topic: string;
  readonly options: SubscribeOptions<Data>;
  readonly state: SubscriptionState;
  /** The highest position that was handed out; undefined before the first confirmation. */
  readonly position: number | undefined;
  /** Resolves when the subscription is live for the first time. */
  readonly ready: Promise<{ position: number; recovered: boolean }>;
  /** Change the filters; resolves when the service has confirmed them. */
  update(change: { filters: Filters<Data> }): Promise<void>;
  /** End the subscription; resolves when the service has confirmed it, at once without a connection. */
  unsubscribe(): Promise<void>;
  /** What comes from now on and what waits already; leaving the loop unsubscribes. */
  [Symbol.asyncIterator](): AsyncIterator<DealEvent<Data>, undefined>;
}

/** Events between two positions are not in the history any more, or too many to catch up on. */
export interface Gap {
  from: number;
  to: number;
  reason: "history" | "tooFar";
}

/** What is nobody's call: an unknown frame, a handler that throws, a refused handshake, a storage that fails. */
export interface Warning {
  code: string;
  message: string;
  cause?: unknown;
}

/** A message that another user has sent. */
export type Message = MessageReceived;
/** The data of a `statusUpdate`. */
export type Status = StatusUpdate;
export type { InboxEntry, MessageSent, MessageStatus, NotificationAcked, Presence } from "./wire.js";

/** A notification of a backend, with what it gave beside the id. */
export interface Notification extends Pushed {
  title?: string;
  message?: string;
  [field: string]: unknown;
}

export interface ClientEvents {
  state: StateChange;
  message: Message;
  notification: Notification;
  messageStatus: MessageStatus;
  warning: Warning;
}

export type TokenReason = "connect" | "refused" | "expiring";
export type GetToken = (request: { reason: TokenReason; signal: AbortSignal }) => string | Promise<string>;

/** Where a text outlives the client. All of it may throw or reject: that is a warning. */
export interface Store {
  load(): string | null | undefined | Promise<string | null | undefined>;
  save(text: string): void | Promise<void>;
}

/** Keeps positions beyond the client's life: what `webStorage` and `keepIn` return. */
export interface Storage {
  _positions(runtime: Runtime, subscriptions: () => Sub[]): Positions;
}

export type LifecycleEvent = "active" | "inactive" | "online" | "offline" | "pagehide" | "pageshow";

/** The life of a page or an app. Browsers have one by themselves; React Native passes one. */
export interface Lifecycle {
  /** Whether a person can see the page or the app now. */
  isActive(): boolean;
  /** Listen; returns how to stop. */
  listen(listener: (event: LifecycleEvent) => void): () => void;
}

/** What the client needs of a WebSocket: the browser's, React Native's, Node's or that of `ws`. */
export interface Socket {
  readonly readyState: number;
  readonly bufferedAmount: number;
  onopen: ((event: never) => unknown) | null;
  onmessage: ((event: never) => unknown) | null;
  onerror: ((event: never) => unknown) | null;
  onclose: ((event: never) => unknown) | null;
  send(text: string): void;
  close(code?: number): void;
  terminate?(): void;
}
export type SocketClass = new (url: string, protocols: string[]) => Socket;

/** Times are milliseconds. What is left out has its default. */
export interface ClientOptions {
  /** `wss://HOST/STAGE`; `ws:` only to localhost. */
  url: string;
  /** Returns a token. Throw `NotAuthorized` to stop the client until the next `connect()`. */
  getToken: GetToken;
  storage?: Storage;
  lifecycle?: Lifecycle;
  /** The class of the sockets. Needed in Node 20, which has none: `WebSocket` of the package `ws`. */
  WebSocket?: unknown;
  parse?: (text: string) => unknown;
  clock?: Clock;
  /** Returns a number in [0, 1). */
  random?: () => number;

  /** A handshake. 10 s */
  openTimeoutMs?: number;
  /** One try of a request, and the first reply of a connection. 10 s */
  attemptTimeoutMs?: number;
  /** All tries of a request. 30 s */
  requestTimeoutMs?: number;
  /** One call of `getToken`. 10 s */
  tokenTimeoutMs?: number;
  /** Without a frame for so long, a ping asks; null: never. No page (Node, workers) 60 s, visible page 240 s, else never. */
  pingAfterMs?: number | null;
  /** The answer to a ping. 10 s */
  pingTimeoutMs?: number;
  /** Without a frame either way, where no ping asks. 480 s */
  keepAliveAfterMs?: number;
  /** The first delay is drawn from 0 to this. 2 s */
  backoffBaseMs?: number;
  /** The longest delay is drawn from 0 to this. 30 s, and four times as much from the eighth failure on */
  backoffCapMs?: number;
  /** A connection that lasted so long ends a row of failures. 10 s */
  backoffStableMs?: number;
  /** After so long the client moves to a new connection by itself. Drawn from 117 to 119 min */
  maxAgeMs?: number;
  /** Requests that may wait for a connection. 100 */
  queueRequests?: number;
  /** 256 KB */
  queueBytes?: number;
  /** Events that wait for a subscription's reader. 1,000 */
  buffer?: number;
  /** Ids by which a subscription drops repeats. 2,000 */
  seen?: number;
  /** Events that a subscription catches up on; beyond them it tells a gap. 5,000 */
  maxReplay?: number;
}

export interface SubscribeOptions<Data = unknown> {
  filters?: Filters<Data>;
  /** Replay what came after this position; goes before a stored one. */
  since?: number;
  /** So many of the newest events (1–100) for a first picture, where there is no position to resume from. */
  recent?: number;
  /** Holds each event for 500 ms and sorts. */
  order?: "position";
  /** Called for each event. Without it, iterate over the subscription. */
  onEvent?: (event: DealEvent<Data>) => unknown;
  onGap?: (gap: Gap) => unknown;
  onState?: (change: SubscriptionChange) => unknown;
  /** Unsubscribes when it aborts. */
  signal?: AbortSignal;
}

export interface SendOptions {
  type?: string;
  /** A UUID; by default a new one. */
  requestId?: string;
  timeoutMs?: number;
  signal?: AbortSignal;
}
