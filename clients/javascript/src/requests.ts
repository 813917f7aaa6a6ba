import { defer, onAbort, type Deferred } from "./calls.js";
import type { Timer, Timers } from "./clock.js";
import type { Connection, Loss } from "./connection.js";
import {
  AuthenticationError,
  ClientClosed,
  DealsError,
  MessageTooLarge,
  NoReply,
  QueueFull,
  errorOf,
} from "./errors.js";
import type { Settings } from "./options.js";
import type { Frame } from "./types.js";
import type { ReplyData, RequestData } from "./wire.js";
import { uuid } from "./uuid.js";

/** Chromium and Node send 33,000 bytes as one frame, and API Gateway closes at 32 KB. */
const FRAME_BYTES_MAX = 32_000;
const LOSSES_WITHIN_MS = 5_000;
const RETRY_BASE_MS = 500;
const TOO_LARGE_CODES = [1003, 1007, 1009];

export interface CallOptions {
  timeoutMs?: number | undefined;
  requestId?: string | undefined;
  signal?: AbortSignal | undefined;
  /** The request is about this connection: it fails with Lost when the connection ends. */
  on?: Connection;
  /** Neither repeated after an error of the service nor answered by a refresh of the token. */
  once?: boolean;
}

/** The connection of a request ended; whoever asked asks again on the next one. */
export class Lost extends Error {}

/** The frame that answers an action. */
export type Reply<Action extends keyof ReplyData> = { data: ReplyData[Action]; timestamp: number };

interface Pending extends Deferred<Frame> {
  id: string;
  text: string;
  bytes: number;
  options: CallOptions;
  deadline: number;
  sentOn: Connection | undefined;
  lostAt: number;
  errors: number;
  refreshed: boolean;
  lastError: DealsError | undefined;
  timers: { deadline?: Timer; attempt?: Timer };
  stopListening: () => void;
}

/** The length in UTF-8; older React Native has no TextEncoder. */
const byteLength = (text: string): number => encodeURIComponent(text).replace(/%../g, "x").length;

/** Requests and their replies: repeated with the same id until an answer or the deadline. */
export class Requests {
  /** The connection that requests are written to. */
  connection: Connection | undefined;
  /** Set by the client: get a new token accepted. */
  refreshToken: () => Promise<void> = () => Promise.reject(new AuthenticationError("no token"));
  /** Set by the client: the service does not know this connection. */
  unknownConnection: (connection: Connection) => void = () => {};
  private readonly pending = new Map<string, Pending>();

  constructor(
    private readonly timers: Timers,
    private readonly settings: Settings,
  ) {}

  /** How many requests wait for a connection. */
  get queued(): number {
    return this.unsent().length;
  }

  /** Send a request; resolves with its reply. */
  call<Action extends keyof RequestData>(
    action: Action,
    data: RequestData[Action],
    options: CallOptions = {},
  ): Promise<Reply<Action>> {
    const { limits, random } = this.settings;
    const id = options.requestId ?? uuid(random);
    const text = JSON.stringify({ action, data, requestId: id });
    const bytes = byteLength(text);
    const refusal = this.refusal(id, bytes, options);
    if (refusal) return Promise.reject(refusal);

    const timeoutMs = options.timeoutMs ?? limits.requestTimeoutMs;
    const entry: Pending = {
      ...defer<Frame>(),
      id,
      text,
      bytes,
      options,
      deadline: this.timers.now() + timeoutMs,
      sentOn: undefined,
      lostAt: -Infinity,
      errors: 0,
      refreshed: false,
      lastError: undefined,
      timers: {},
      stopListening: () => {},
    };
    this.pending.set(id, entry);
    entry.timers.deadline = this.timers.start(timeoutMs, () =>
      this.reject(
        entry,
        entry.lastError ??
          new NoReply(`no reply to ${action} in ${timeoutMs} ms`, { requestId: id, retryable: true }),
      ),
    );
    entry.stopListening = onAbort(options.signal, (reason) => this.reject(entry, reason));
    this.write(entry);
    return entry.promise as Promise<Frame & Reply<Action>>;
  }

  /** Settle the request that a frame answers; false if it answers none. */
  settle(frame: Frame, connection: Connection): boolean {
    const entry = this.pending.get(frame.requestId ?? "");
    if (!entry) return false;
    if (frame.type === "error") this.answerError(entry, frame, connection);
    else this.finish(entry, () => entry.resolve(frame));
    return true;
  }

  /** Write from now on to this connection, and what waits at once. */
  useConnection(connection: Connection): void {
    this.connection = connection;
    for (const entry of this.unsent()) this.write(entry);
  }

  /** A connection ended: repeat what it has not answered on the next one. */
  lose(connection: Connection, loss?: Loss): void {
    if (this.connection === connection) this.connection = undefined;
    const now = this.timers.now();
    for (const entry of this.sentOn(connection)) {
      const tooLarge = TOO_LARGE_CODES.includes(loss?.code ?? 0) && connection.lastRequestId === entry.id;
      if (tooLarge)
        this.reject(
          entry,
          new NoReply(`the service closed the connection for it (${loss?.code})`, {
            requestId: entry.id,
          }),
        );
      else if (entry.options.on) this.reject(entry, new Lost("the connection ended"));
      else if (now - entry.lostAt < LOSSES_WITHIN_MS)
        this.reject(
          entry,
          new NoReply("the connection ended twice", { requestId: entry.id, retryable: true }),
        );
      else this.unsend(entry, loss && now);
    }
    if (this.connection) this.useConnection(this.connection);
  }

  /** How many requests wait for an answer on a connection. */
  countOn(connection: Connection): number {
    return this.sentOn(connection).length;
  }

  rejectAll(error: DealsError): void {
    for (const entry of [...this.pending.values()]) this.reject(entry, error);
  }

  private refusal(id: string, bytes: number, options: CallOptions): DealsError | undefined {
    const { limits } = this.settings;
    if (bytes > FRAME_BYTES_MAX)
      return new MessageTooLarge(`the request takes ${bytes} bytes; at most ${FRAME_BYTES_MAX} fit a frame`, {
        requestId: id,
      });
    if (this.pending.has(id))
      return new DealsError("a request with this requestId is under way", { requestId: id });
    if (this.connection || options.on) return undefined;
    const waiting = this.unsent();
    const waitingBytes = waiting.reduce((sum, entry) => sum + entry.bytes, bytes);
    if (waiting.length < limits.queueRequests && waitingBytes <= limits.queueBytes) return undefined;
    return new QueueFull(`${waiting.length} requests wait for a connection already`, {
      requestId: id,
      retryable: true,
    });
  }

  private unsent(): Pending[] {
    return [...this.pending.values()].filter((entry) => !entry.sentOn && !entry.options.on);
  }

  private sentOn(connection: Connection): Pending[] {
    return [...this.pending.values()].filter(
      (entry) => entry.sentOn === connection || entry.options.on === connection,
    );
  }

  private write(entry: Pending): void {
    const connection = entry.options.on ?? this.connection;
    if (!connection || !this.pending.has(entry.id) || entry.timers.attempt) return;
    entry.sentOn = connection;
    connection.send(entry.text, entry.id);
    this.wait(entry, this.settings.limits.attemptTimeoutMs);
  }

  /** Write the request again after so long. */
  private wait(entry: Pending, ms: number): void {
    entry.timers.attempt?.stop();
    entry.timers.attempt = this.timers.start(ms, () => {
      delete entry.timers.attempt;
      this.write(entry);
    });
  }

  private unsend(entry: Pending, lostAt: number | undefined): void {
    entry.timers.attempt?.stop();
    delete entry.timers.attempt;
    entry.sentOn = undefined;
    entry.lostAt = lostAt ?? entry.lostAt;
  }

  private answerError(entry: Pending, frame: Frame, connection: Connection): void {
    const { error, waitMs } = errorOf(frame.data ?? {}, entry.id);
    entry.lastError = error;

    if (error.code === "CONNECTION_ERROR") {
      if (!entry.options.on) this.unsend(entry, undefined);
      return this.unknownConnection(connection);
    }
    if (!error.retryable || entry.options.once) return this.reject(entry, error);
    if (error instanceof AuthenticationError) return this.refreshAndRepeat(entry, error);

    const jitter = 1 + 0.2 * this.settings.random();
    const delay = waitMs === undefined ? RETRY_BASE_MS * 2 ** entry.errors * jitter : waitMs * jitter;
    entry.errors += 1;
    if (this.timers.now() + delay >= entry.deadline) return this.reject(entry, error);
    this.wait(entry, delay);
  }

  private refreshAndRepeat(entry: Pending, error: DealsError): void {
    if (entry.refreshed) return this.reject(entry, error);
    entry.refreshed = true;
    this.unsend(entry, undefined);
    this.refreshToken().then(
      () => this.write(entry),
      () => this.reject(entry, error),
    );
  }

  private reject(entry: Pending, error: unknown): void {
    this.finish(entry, () => entry.reject(error));
  }

  private finish(entry: Pending, settle: () => void): void {
    this.pending.delete(entry.id);
    entry.timers.deadline?.stop();
    entry.timers.attempt?.stop();
    entry.stopListening();
    settle();
  }
}

export const closedError = (): ClientClosed => new ClientClosed("the client is closed");
