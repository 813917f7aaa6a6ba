import { Alertness } from "./alertness.js";
import { Timers } from "./clock.js";
import type { Connection } from "./connection.js";
import { dispatch, type FrameHandlers } from "./dispatch.js";
import { Emitter } from "./emitter.js";
import { AuthenticationError, DealsError, Forbidden } from "./errors.js";
import { Heartbeat } from "./heartbeat.js";
import { Inbox } from "./inbox.js";
import { pageLifecycle } from "./lifecycle.js";
import { readSettings, type Settings } from "./options.js";
import { Refresh } from "./refresh.js";
import { Requests, closedError, type Reply } from "./requests.js";
import { Session } from "./session.js";
import { Positions } from "./storage.js";
import { Tokens } from "./token.js";
import { Topics } from "./topics.js";
import type {
  ClientEvents,
  ClientOptions,
  Frame,
  Lifecycle,
  Notification as Told,
  StateChange,
  Status,
} from "./types.js";

const PING_NODE_MS = 60_000;
const PING_PAGE_MS = 240_000;
const FIRST_CHECK_MS = 60_000;
const FIRST_CHECK_SPREAD_MS = 30_000;
const CHECK_MS = 1_440_000;
const CHECK_SPREAD_MS = 720_000;
/** A `reconnect` frame without its own grace. */
const GRACE_S = 60;

/** The parts of a client, and how they work together. */
export class Core {
  readonly events: Emitter<ClientEvents>;
  readonly requests: Requests;
  readonly topics: Topics;
  readonly inbox: Inbox;
  readonly session: Session;
  readonly timers: Timers;

  private readonly settings: Settings;
  private readonly tokens: Tokens;
  private readonly refresh: Refresh;
  private readonly positions: Positions;
  private readonly alertness: Alertness;
  private readonly handlers: FrameHandlers;
  private readonly heartbeats = new Map<Connection, Heartbeat>();
  private readonly lifecycle: Lifecycle | undefined;
  private features = new Set<string>();
  private checkTimer: { stop(): void } | undefined;
  private isHidden = false;

  constructor(options: ClientOptions) {
    const settings = (this.settings = readSettings(options));
    const timers = (this.timers = new Timers(settings.clock));
    const warn = this.warn.bind(this);
    this.lifecycle = options.lifecycle ?? pageLifecycle();
    this.events = new Emitter((error) => warn("handlerFailed", "a listener threw", error));
    this.tokens = new Tokens(options.getToken, timers, settings);
    this.requests = new Requests(timers, settings);
    this.refresh = new Refresh(
      this.tokens,
      this.requests,
      timers,
      settings,
      (error) => this.session.stop("notAuthorized", error),
      (error) => warn("tokenNotRefreshed", "the token was not refreshed", error),
    );
    this.positions = new Positions(options.storage, timers, () => this.topics.subscriptions, warn);
    this.topics = new Topics(this.requests, timers, settings, {
      can: (feature) => this.features.has(feature),
      restore: (subscription) => this.positions.restore(subscription),
      positionMoved: () => this.positions.moved(),
      warn,
    });
    this.inbox = new Inbox(this.requests, () => timers.now(), {
      isListening: () => this.events.has("message") || this.events.has("notification"),
      message: (message) => this.events.emit("message", message),
      notification: (notification) => this.events.emit("notification", notification),
      warn,
    });
    this.alertness = new Alertness(this.lifecycle, timers, {
      doubt: (hasSlept) => {
        this.session.hurry(hasSlept);
        this.askAll();
      },
      offline: () => this.askAll(),
      replan: () => this.heartbeats.forEach((heartbeat) => heartbeat.plan()),
      hide: () => this.hide(),
      show: () => this.show(),
    });
    this.handlers = {
      event: (frame) => this.topics.receive(frame),
      reply: () => false,
      pushed: this.pushedHandlers(),
      warn,
    };
    this.session = new Session(options.url, options.WebSocket, this.tokens, timers, settings, {
      prepare: () => this.positions.load(),
      opened: (connection, isHandover) => this.opened(connection, isHandover),
      inUse: (connection) => this.requests.useConnection(connection),
      frame: (connection, frame) => this.receive(connection, frame),
      unreadable: (error) => warn("badFrame", "a frame is not JSON", error),
      lost: (connection, loss) => {
        this.heartbeats.get(connection)?.stop();
        this.heartbeats.delete(connection);
        this.requests.lose(connection, loss);
        if (this.topics.isOn(connection)) this.topics.useConnection();
      },
      isDrained: (connection) => this.requests.countOn(connection) === 0 && this.topics.areSettled,
      changed: (change) => this.changed(change),
      warn,
    });
    this.requests.refreshToken = () => this.refresh.now();
    this.requests.unknownConnection = (connection) => connection.fail({ kind: "network" });
  }

  connect(signal?: AbortSignal): Promise<void> {
    if (this.session.state !== "closed") this.alertness.start();
    this.isHidden = false;
    return this.session.connect(signal);
  }

  disconnect(): void {
    this.alertness.stop();
    this.positions.save();
    this.session.disconnect();
    this.requests.rejectAll(new DealsError("the client was disconnected", { retryable: true }));
  }

  async close(): Promise<void> {
    this.alertness.stop();
    if (this.session.state !== "closed") this.positions.save();
    const closing = this.session.close();
    this.topics.endAll("closed", closedError());
    this.requests.rejectAll(closedError());
    this.events.clear();
    await closing;
    this.timers.stopAll();
  }

  warn(code: string, message: string, cause?: unknown): void {
    this.events.emit("warning", { code, message, cause });
  }

  /** How much the client holds now. */
  get held(): { timers: number; seen: number; buffered: number; queued: number } {
    const { subscriptions } = this.topics;
    return {
      timers: this.timers.size,
      seen: subscriptions.reduce((sum, { seen }) => sum + seen.size, 0),
      buffered: subscriptions.reduce((sum, { buffered }) => sum + buffered, 0),
      queued: this.requests.queued,
    };
  }

  private changed(change: StateChange): void {
    if (change.state !== "connected") {
      this.refresh.cancel();
      this.checkTimer?.stop();
    }
    if (change.state === "idle" || change.state === "stopped")
      this.isHidden ? this.alertness.pause() : this.alertness.stop();
    this.events.emit("state", change);
  }

  private opened(connection: Connection, isHandover: boolean): void {
    const heartbeat = new Heartbeat(
      connection,
      this.timers,
      this.settings,
      () => this.pingAfterMs(),
      () => connection.fail({ kind: "network" }),
    );
    this.heartbeats.set(connection, heartbeat);
    heartbeat.plan();
    void this.prove(connection);
    // Stored positions may be another user's, so they wait for the answer; so does a hand-over for its turn.
    if (!isHandover && !this.positions.areUnproven) this.topics.useConnection(connection);
  }

  /** Ask whether the service knows the connection; its answer begins everything that needs one. */
  private async prove(connection: Connection): Promise<void> {
    let reply: Reply<"getStatus"> | undefined;
    try {
      reply = await this.requests.call(
        "getStatus",
        {},
        { on: connection, once: true, timeoutMs: this.settings.limits.requestTimeoutMs },
      );
    } catch (error) {
      if (!connection.isLive) return;
      if (error instanceof AuthenticationError) {
        this.tokens.refuse();
        return connection.fail({ kind: "network" });
      }
      this.warn("statusUnknown", "getStatus failed", error);
    }
    if (!connection.isLive) return;
    if (reply && this.session.isOpening(connection)) this.learn(reply.data, reply.timestamp);
    this.session.confirm(connection);
    if (!connection.isLive) return; // a listener has ended it
    if (!this.topics.isOn(connection)) this.topics.useConnection(connection);
    this.checkLater(connection, FIRST_CHECK_MS + this.settings.random() * FIRST_CHECK_SPREAD_MS);
    if (reply) void this.inbox.catchUp(connection, reply.timestamp);
  }

  /** Ask again now and then, in place of a ping, which reads no store. */
  private async check(connection: Connection): Promise<void> {
    this.checkLater(connection, CHECK_MS + this.settings.random() * CHECK_SPREAD_MS);
    try {
      const { data } = await this.requests.call("getStatus", {}, { on: connection });
      if (this.topics.isOn(connection)) this.topics.compare(data.subscriptions);
    } catch {
      // CONNECTION_ERROR has ended the connection already; anything else is asked again later
    }
  }

  private checkLater(connection: Connection, ms: number): void {
    this.checkTimer?.stop();
    this.checkTimer = this.timers.start(ms, () => void this.check(connection));
  }

  private learn(status: Status, timestamp: number): void {
    this.features = new Set(status.server?.features ?? []);
    this.heartbeats.forEach((heartbeat) => heartbeat.plan());
    this.positions.useUser(status.userId);
    if (status.tokenExpiresAt) this.refresh.plan((status.tokenExpiresAt - timestamp) * 1000);
  }

  private receive(connection: Connection, frame: Frame): void {
    dispatch(frame, { ...this.handlers, reply: (answer) => this.requests.settle(answer, connection) });
    if (frame.type === "closing") connection.closing = frame.data;
  }

  private pushedHandlers(): FrameHandlers["pushed"] {
    return {
      messageReceived: (data) => this.inbox.receiveMessage(data),
      notification: (data) => this.inbox.receiveNotification(data as Told),
      messageStatus: (data) => this.events.emit("messageStatus", data),
      tokenExpiring: () => void this.refresh.now().catch(() => {}),
      reconnect: (data) => this.session.handOver((data.graceSeconds ?? GRACE_S) * 1000),
      subscriptionEnded: ({ topic, reason }) =>
        this.topics.endTopic(
          String(topic),
          String(reason),
          reason === "permissions"
            ? new Forbidden(`the token does not permit ${String(topic)} any more`, { code: "FORBIDDEN" })
            : undefined,
        ),
      closing: () => {},
    };
  }

  private pingAfterMs(): number | undefined {
    const { pingAfterMs, keepAliveAfterMs } = this.settings.limits;
    const rarely = this.features.has("keepAlive") ? undefined : keepAliveAfterMs;
    if (pingAfterMs === null) return rarely;
    if (!this.lifecycle) return pingAfterMs ?? PING_NODE_MS;
    return this.lifecycle.isActive() ? (pingAfterMs ?? PING_PAGE_MS) : rarely;
  }

  private askAll(): void {
    this.heartbeats.forEach((heartbeat) => heartbeat.ask());
  }

  private hide(): void {
    this.positions.save();
    const { state } = this.session;
    this.isHidden = state === "connected" || state === "connecting" || state === "waiting";
    this.session.disconnect("pagehide");
  }

  private show(): void {
    if (this.isHidden) void this.connect().catch(() => {});
  }
}
