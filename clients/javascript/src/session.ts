import { defer, onAbort, type Deferred } from "./calls.js";
import { Backoff } from "./backoff.js";
import type { Timer, Timers } from "./clock.js";
import { Connection, type Loss } from "./connection.js";
import { ClientClosed, ConfigurationError, DealsError, HandshakeRefused, NotAuthorized } from "./errors.js";
import { checkUrl, findSocketClass, type Settings } from "./options.js";
import { closedError } from "./requests.js";
import type { Tokens } from "./token.js";
import type { ClientState, Frame, StateChange } from "./types.js";

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
  prepare(): Promise<void> | undefined;
  /** A socket is open: prove the connection. `isHandover`: another one is in use. */
  opened(connection: Connection, isHandover: boolean): void;
  /** The connection is the one in use from now on. */
  inUse(connection: Connection): void;
  frame(connection: Connection, frame: Frame): void;
  unreadable(error: unknown): void;
  /** A connection has ended. */
  lost(connection: Connection, loss: Loss | undefined): void;
  /** Whether nothing is expected on an old connection any more. */
  isDrained(connection: Connection): boolean;
  changed(change: StateChange): void;
  warn(code: string, message: string, cause?: unknown): void;
}

/** Reasons of a `closing` frame after which the same token does not help. */
const TOKEN_REASONS = ["expired", "revoked"];

type Failed = (reason: string, error?: unknown) => void;

/** The states of the client, and the attempts that lead from one to the next. */
export class Session {
  state: ClientState = "idle";
  /** The connection in use, or the one that is being opened. */
  current: Connection | undefined;

  private next: Connection | undefined;
  private readonly draining = new Set<Connection>();
  private readonly closings = new Set<Promise<void>>();
  private readonly backoff: Backoff;
  private attempts = 0;
  private handingOver = false;
  private retriedToken = false;
  private lastHurryAt = -Infinity;
  private hurriesAgain = false;
  private waiters: Deferred<void>[] = [];
  private readonly own: { wait?: Timer; stable?: Timer; age?: Timer; reply?: Timer; cut?: Timer } = {};

  constructor(
    private readonly url: string,
    private readonly socketClass: unknown,
    private readonly tokens: Tokens,
    private readonly timers: Timers,
    private readonly settings: Settings,
    private readonly host: SessionHost,
  ) {
    this.backoff = new Backoff(settings);
  }

  /** Connect, or wait for the connection that is under way. */
  connect(signal?: AbortSignal): Promise<void> {
    if (this.state === "closed") return Promise.reject(closedError());
    if (this.state === "connected") return Promise.resolve();
    const waiter = defer<void>();
    this.waiters.push(waiter);
    const stopListening = onAbort(signal, (reason) => {
      this.waiters = this.waiters.filter((other) => other !== waiter);
      waiter.reject(reason);
      if (this.waiters.length === 0 && this.state !== "connected") this.disconnect();
    });
    waiter.promise.then(stopListening, stopListening);
    if (this.state === "idle" || this.state === "stopped") this.start();
    return waiter.promise;
  }

  /** End every connection and timer of the session. */
  disconnect(reason?: string): void {
    if (this.state === "closed" || this.state === "idle") return;
    this.leave();
    this.move("idle", reason ? { reason } : {});
    this.rejectWaiters(new ClientClosed("the client was disconnected", { retryable: true }));
  }

  /** The same for ever; resolves when the sockets are closed, within a second. */
  async close(): Promise<void> {
    if (this.state !== "closed") {
      this.leave();
      this.move("closed");
      this.rejectWaiters(closedError());
    }
    await Promise.all(this.closings);
  }

  /** A person must act before it makes sense to try again. */
  stop(reason: "notAuthorized" | "configuration", error: DealsError): void {
    if (this.state === "closed" || this.state === "idle") return;
    this.leave();
    this.move("stopped", { reason, error });
    this.rejectWaiters(error);
  }

  /** The connection that was opened last has answered. */
  confirm(connection: Connection): void {
    this.own.reply?.stop();
    const old = this.current;
    if (connection === this.next) {
      this.next = undefined;
      this.handingOver = false;
      this.current = connection;
      this.host.inUse(connection);
      if (old) this.drain(old);
    } else if (connection !== old || this.state !== "connecting") return;
    else this.host.inUse(connection);

    const { limits, random } = this.settings;
    this.retriedToken = false;
    this.own.cut?.stop();
    this.own.stable?.stop();
    this.own.stable = this.timers.start(limits.backoffStableMs, () => this.backoff.reset());
    this.own.age?.stop();
    this.own.age = this.timers.start(limits.maxAgeMs ?? MAX_AGE_MS + random() * MAX_AGE_SPREAD_MS, () =>
      this.handOver(),
    );
    for (const waiter of this.waiters.splice(0)) waiter.resolve();
    this.move("connected");
  }

  /** Whether this connection is the one that was opened last. */
  isOpening(connection: Connection): boolean {
    return connection === this.next || (connection === this.current && this.state === "connecting");
  }

  /** Move to a new connection before the current one ends. */
  handOver(graceMs = Infinity): void {
    if (this.state !== "connected" || this.handingOver || !this.current) return;
    this.handingOver = true;
    const old = this.current;
    const endsAt = Math.min(old.createdAt + LONGEST_MS, this.timers.now() + graceMs);
    const failed = (): void => {
      if (this.current !== old) return;
      this.handingOver = false;
      this.next = undefined;
      const left = Math.max(0, endsAt - this.timers.now());
      this.own.cut = this.timers.start(this.settings.random() * left, () => old.fail({ kind: "closed" }));
    };
    void this.attempt(true, failed);
  }

  /** End a wait, after a sleep twice, since there is reason to believe that an attempt may work now. */
  hurry(hasSlept: boolean): void {
    if (this.state !== "waiting" || this.timers.now() - this.lastHurryAt < HURRY_EVERY_MS) return;
    this.lastHurryAt = this.timers.now();
    this.hurriesAgain = hasSlept; // the network of a machine that wakes is rarely there at once
    this.own.wait?.stop();
    this.own.wait = this.timers.start(this.settings.random() * HURRY_MAX_MS, () => this.begin());
  }

  private start(): void {
    try {
      checkUrl(this.url);
      findSocketClass(this.socketClass);
      this.begin();
    } catch (error) {
      this.move("stopped", { reason: "configuration", error: error as ConfigurationError });
      this.rejectWaiters(error as ConfigurationError);
    }
  }

  private begin(): void {
    this.move("connecting");
    if (this.state === "connecting") void this.attempt(false, (reason, error) => this.wait(reason, error));
  }

  /** Token, handshake and first reply. `failed` is not called for what has stopped the client. */
  private async attempt(isHandover: boolean, failed: Failed): Promise<void> {
    this.attempts += 1;
    const number = this.attempts;
    let token: string;
    try {
      await this.host.prepare();
      token = await this.tokens.forOpening();
    } catch (error) {
      if (this.attempts !== number) return;
      if (error instanceof NotAuthorized) return this.stop("notAuthorized", error);
      if (error instanceof ConfigurationError) return this.stop("configuration", error);
      this.host.warn("tokenFailed", "getToken failed", error);
      return failed("network", error);
    }
    if (this.attempts !== number) return; // disconnected, or another attempt began
    this.open(token, isHandover, failed);
  }

  private open(token: string, isHandover: boolean, failed: Failed): void {
    const { limits } = this.settings;
    let connection: Connection;
    try {
      connection = new Connection(
        this.url,
        token,
        findSocketClass(this.socketClass),
        this.timers,
        this.settings,
        {
          opened: () => {
            this.backoff.countRefusal(true);
            this.own.reply = this.timers.start(limits.attemptTimeoutMs, () =>
              connection.fail({ kind: "network" }),
            );
            this.host.opened(connection, isHandover);
          },
          frame: (frame) => this.host.frame(connection, frame),
          unreadable: (error) => this.host.unreadable(error),
          lost: (loss) => this.lose(connection, loss, failed),
        },
      );
    } catch (error) {
      return this.stop(
        "configuration",
        new ConfigurationError(`url: the socket refused it: ${String(error)}`, { cause: error }),
      );
    }
    if (isHandover) this.next = connection;
    else this.current = connection;
  }

  private lose(connection: Connection, loss: Loss, failed: Failed): void {
    if (this.draining.delete(connection)) return this.host.lost(connection, undefined);
    const wasInUse = connection === this.current && this.state === "connected";
    const isNext = connection === this.next;
    if (connection !== this.current && !isNext) return;
    this.own.reply?.stop();
    if (isNext) this.next = undefined;
    else this.current = undefined;
    this.host.lost(connection, loss);

    if (!connection.isOpen) return this.refused(loss, isNext, failed);
    const closing = connection.closing;
    // DeleteConnection is 1000 without a reason: the token may have expired or been revoked.
    const isTokenInDoubt = closing ? TOKEN_REASONS.includes(String(closing.reason)) : loss.code === 1000;
    if (isTokenInDoubt) this.tokens.refuse();
    if (closing?.reconnect === false && !isNext) {
      return this.stop(
        "notAuthorized",
        new NotAuthorized(`the service closed the connection: ${String(closing.reason)}`),
      );
    }
    const reason = loss.kind === "closed" ? "closed" : "network";
    if (!wasInUse) return failed(reason);
    this.endHandover();
    this.wait(reason, undefined, Number(closing?.retryAfterMs ?? 0));
  }

  private refused({ kind, status }: Loss, isHandover: boolean, failed: Failed): void {
    if (kind !== "refused") return failed("network");
    const error = new HandshakeRefused(`the handshake was refused (${status ?? "no status is visible"})`, {
      retryable: true,
    });
    error.status = status;
    this.host.warn("handshakeRefused", error.message, error);

    if (status === undefined) {
      // The application's own token request decides: it sees a status.
      this.backoff.countRefusal(false);
      this.tokens.refuse();
      return failed(this.backoff.isRefused ? "refused" : "network", error);
    }
    if (status === 401) {
      this.tokens.refuse();
      if (this.retriedToken || isHandover) return failed("refused", error);
      this.retriedToken = true;
      void this.attempt(false, failed);
      return;
    }
    if (isHandover) return failed("refused", error);
    if (status === 403)
      return this.stop(
        "notAuthorized",
        new NotAuthorized("the service refuses this user or token", { cause: error }),
      );
    if (status === 429) return failed("throttled", error);
    if (status >= 500) return failed("network", error);
    this.stop(
      "configuration",
      new ConfigurationError(`url: the handshake was answered ${status}`, { cause: error }),
    );
  }

  private wait(reason: string, error: unknown, atLeastMs = 0): void {
    const delayMs = this.backoff.nextDelayMs();
    const retryInMs = Math.max(
      this.hurriesAgain ? this.settings.random() * HURRY_MAX_MS : delayMs,
      atLeastMs,
    );
    this.hurriesAgain = false;
    this.own.stable?.stop();
    this.own.wait = this.timers.start(retryInMs, () => this.begin());
    this.move("waiting", { reason, retryInMs, ...(error instanceof DealsError && { error }) });
  }

  /** Let an old connection finish what was asked on it. */
  private drain(old: Connection): void {
    this.draining.add(old);
    const until = this.timers.now() + DRAIN_MS;
    const check = (): void => {
      if (!this.draining.has(old)) return;
      if (this.timers.now() < until && !this.host.isDrained(old))
        return void this.timers.start(DRAIN_CHECK_MS, check);
      this.draining.delete(old);
      this.closeGently(old);
      this.host.lost(old, undefined);
    };
    this.timers.start(DRAIN_CHECK_MS, check);
  }

  private endHandover(): void {
    this.attempts += 1;
    this.handingOver = false;
    const { next } = this;
    this.next = undefined;
    next?.abandon();
    if (next) this.host.lost(next, undefined);
    this.own.age?.stop();
    this.own.cut?.stop();
  }

  /** Drop all connections and plans. */
  private leave(): void {
    this.endHandover();
    for (const timer of Object.values(this.own)) timer.stop();
    this.tokens.abandon(closedError());
    const connections = [this.current, ...this.draining].filter((connection) => connection !== undefined);
    this.current = undefined;
    this.draining.clear();
    for (const connection of connections) {
      this.closeGently(connection);
      this.host.lost(connection, undefined);
    }
  }

  private closeGently(connection: Connection): void {
    const closing = connection.close();
    this.closings.add(closing);
    void closing.then(() => this.closings.delete(closing));
  }

  private rejectWaiters(error: DealsError): void {
    for (const waiter of this.waiters.splice(0)) waiter.reject(error);
  }

  private move(state: ClientState, more: Partial<StateChange> = {}): void {
    const previous = this.state;
    if (previous === state) return;
    this.state = state;
    this.host.changed({ state, previous, ...more });
  }
}
