import { noop, onAbort, quiet, uuid } from "./calls.js";
import { NETWORK, type Connection, type Loss } from "./connection.js";
import {
  AuthenticationError,
  DealsError,
  MessageTooLarge,
  NoReply,
  QueueFull,
  errorOf,
  type ErrorClass,
} from "./errors.js";
import type { Runtime } from "./runtime.js";
import type { Frame } from "./types.js";
import type { ReplyData, RequestData } from "./wire.js";

/** Chromium and Node send 33,000 bytes as one frame, and API Gateway closes at 32 KB. */
const FRAME_BYTES_MAX = 32_000;
const LOSSES_WITHIN_MS = 5_000;
const RETRY_BASE_MS = 500;
/** Close codes of a service that does not take the frame. */
const REFUSED_FRAME: unknown[] = [1003, 1007, 1009];

export interface CallOptions {
  timeoutMs?: number | undefined;
  requestId?: string | undefined;
  signal?: AbortSignal | undefined;
  /** The request is about this connection: it fails with LOST when the connection ends. */
  _on?: Connection;
  /** Neither repeated after an error of the service nor answered by a refresh of the token. */
  _once?: boolean;
}

/** The connection of a request ended; whoever asked asks again on the next one. */
export const LOST = new DealsError("connection lost");

/** The frame that answers an action. */
export type Reply<Action extends keyof ReplyData> = { data: ReplyData[Action]; timestamp: number };

/** A request that waits for its answer. */
interface Pending {
  readonly _bytes: number;
  /** Undefined while it waits for a connection. */
  _sentOn: Connection | undefined;
  _write(): void;
  _lose(connection: Connection, loss: Loss | undefined): void;
  _answer(frame: Frame, connection: Connection): void;
  _reject(error: unknown): void;
}

export interface Requests {
  /** Send a request; resolves with its reply. It is repeated with the same id until an answer or the deadline. */
  _call<Action extends keyof RequestData>(
    action: Action,
    data: RequestData[Action],
    options?: CallOptions,
  ): Promise<Reply<Action>>;
  /** Settle the request that a frame answers; false if it answers none. */
  _settle(frame: Frame, connection: Connection): boolean;
  /** Write from now on to this connection, and what waits at once. */
  _use(connection: Connection): void;
  /** A connection ended: repeat what it has not answered on the next one. */
  _lose(connection: Connection, loss: Loss | undefined): void;
  /** The requests that wait for an answer on a connection; without one, for a connection. */
  _waitingOn(connection?: Connection): Pending[];
  _rejectAll(error: DealsError): void;
}

/** `refreshToken` gets a new token accepted. */
export function createRequests(
  { _limits: limits, _random: random, _now: now, _timer: timer }: Runtime,
  refreshToken: () => Promise<void>,
): Requests {
  const pending = new Map<string, Pending>();
  let current: Connection | undefined;
  const waitingOn = (connection?: Connection): Pending[] =>
    [...pending.values()].filter(({ _sentOn }) => _sentOn === connection);

  const self: Requests = {
    _call(action, data, options = {}) {
      const { timeoutMs = limits.requestTimeoutMs, requestId = uuid(random), signal, _on, _once } = options;
      const text = JSON.stringify({ action, data, requestId });
      // The length in UTF-8; older React Native has no TextEncoder.
      const bytes = encodeURIComponent(text).replace(/%../g, "x").length;
      const deadlineAt = now() + timeoutMs;
      const error = (type: ErrorClass | typeof DealsError, message: string): DealsError =>
        new type(message, { requestId });

      return quiet(
        new Promise((resolve, reject) => {
          const waiting = waitingOn();
          const refusal =
            bytes > FRAME_BYTES_MAX
              ? error(MessageTooLarge, `${bytes} bytes, at most ${FRAME_BYTES_MAX}`)
              : pending.has(requestId)
                ? error(DealsError, "requestId: is under way")
                : !(current || _on) &&
                  (waiting.length >= limits.queueRequests ||
                    waiting.reduce((sum, { _bytes }) => sum + _bytes, bytes) > limits.queueBytes) &&
                  error(QueueFull, `${waiting.length} requests wait`);
          if (refusal) return reject(refusal);

          let lostAt = -Infinity;
          let errors = 0;
          let hasRefreshed = false;
          let lastError: DealsError | undefined;
          let stopListening = noop;

          const write = (): void => {
            const connection = _on ?? current;
            if (!connection || attempt._isOn || !pending.has(requestId)) return;
            entry._sentOn = connection;
            connection._send(text, requestId);
            attempt(limits.attemptTimeoutMs);
          };
          const takeBack = (): void => {
            attempt();
            entry._sentOn = _on;
          };
          const finish = (): void => {
            pending.delete(requestId);
            deadline();
            attempt();
            stopListening();
          };
          const fail = (cause: unknown): void => {
            finish();
            reject(cause);
          };
          const attempt = timer(write);
          const deadline = timer(() =>
            fail(lastError ?? error(NoReply, `no reply to ${action} in ${timeoutMs} ms`)),
          );

          const entry: Pending = {
            _bytes: bytes,
            _sentOn: _on,
            _write: write,
            _reject: fail,
            _lose(connection, loss) {
              if (loss && REFUSED_FRAME.includes(loss._code) && connection._lastRequestId === requestId)
                fail(Object.assign(error(NoReply, `closed with ${loss._code} for it`), { retryable: false }));
              else if (_on) fail(LOST);
              else if (loss && now() - lostAt < LOSSES_WITHIN_MS)
                fail(error(NoReply, "connection lost twice"));
              else {
                takeBack();
                if (loss) lostAt = now();
              }
            },
            _answer(frame, connection) {
              if (frame.type !== "error") {
                finish();
                return resolve(frame as Frame & Reply<typeof action>);
              }
              const refusal = errorOf(frame.data ?? {}, requestId);
              lastError = refusal;
              if (refusal.code === "CONNECTION_ERROR") {
                // The service does not know this connection.
                takeBack();
                return connection._fail(NETWORK);
              }
              const isOld = refusal instanceof AuthenticationError;
              const delay = (refusal.retryAfterMs ?? RETRY_BASE_MS * 2 ** errors) * (1 + 0.2 * random());
              errors += 1;
              if (!refusal.retryable || _once || (isOld ? hasRefreshed : now() + delay >= deadlineAt))
                return fail(refusal);
              if (!isOld) return attempt(delay);
              hasRefreshed = true;
              takeBack();
              refreshToken().then(write, () => fail(refusal));
            },
          };
          pending.set(requestId, entry);
          deadline(timeoutMs);
          stopListening = onAbort(signal, fail);
          write();
        }),
      );
    },
    _settle(frame, connection) {
      const entry = pending.get(frame.requestId!);
      entry?._answer(frame, connection);
      return entry !== undefined;
    },
    _use(connection) {
      current = connection;
      for (const entry of waitingOn()) entry._write();
    },
    _lose(connection, loss) {
      if (current === connection) current = undefined;
      for (const entry of waitingOn(connection)) entry._lose(connection, loss);
      if (current) self._use(current);
    },
    _waitingOn: waitingOn,
    _rejectAll(error) {
      for (const entry of [...pending.values()]) entry._reject(error);
    },
  };
  return self;
}
