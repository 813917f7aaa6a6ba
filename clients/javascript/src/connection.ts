import { noop } from "./calls.js";
import type { Runtime } from "./runtime.js";
import type { Frame, Socket, SocketClass } from "./types.js";
import type { Closing } from "./wire.js";

const CLOSE_WAIT_MS = 1_000;
const BUFFERED_MAX_BYTES = 256 * 1024;
const BUFFERED_CHECK_MS = 50;
const LATE_MS = 1_000;
const LATE_EXTRA_MS = 5_000;

/** How a connection ended, or failed to open. */
export interface Loss {
  /** refused: the handshake failed without a network error; closed: with a close frame; network: anything else. */
  _kind: "refused" | "closed" | "network";
  /** The HTTP status of a refused handshake, where the socket shows it. */
  _status?: number;
  /** The code of the close frame. */
  _code?: number;
}
export const NETWORK: Loss = { _kind: "network" };

/** One WebSocket, with the heartbeat that keeps it open and finds out whether it lives. */
export interface Connection {
  _isOpen: boolean;
  /** Until it was lost or ended: after that it delivers nothing. */
  _isLive: boolean;
  readonly _createdAt: number;
  /** The id of the request that was written last: the cause, if the service closes for its size. */
  _lastRequestId?: string | undefined;
  /** The data of the `closing` frame. */
  _closing?: Partial<Closing>;
  /** Write a text frame; it waits while much is buffered in the socket. */
  _send(text: string, requestId?: string): void;
  /** Look anew at when the next heartbeat is due, which may be now. */
  _plan(): void;
  /** Ask at once whether the connection lives. */
  _ask(): void;
  /** End the connection and report it as lost. */
  _fail(loss: Loss): void;
  /** End the connection: as a well-behaved client does, but within a second, or at once. */
  _end(isPolite: boolean): Promise<void>;
}

export interface ConnectionHost {
  _opened(connection: Connection): void;
  _received(connection: Connection, frame: Frame): void;
  _lost(connection: Connection, loss: Loss): void;
  /** After how long without a frame a ping asks now; undefined: `keepAlive` alone keeps open. */
  _pingAfterMs(): number | undefined;
}

/** Begin to open a socket. What its constructor throws is passed on. */
export function openConnection(
  { _now: now, _timer: timer, _limits: limits, _warn: warn }: Runtime,
  url: string,
  token: string,
  type: SocketClass,
  parse: (text: string) => unknown,
  host: ConnectionHost,
): Connection {
  const socket: Socket = new type(url, ["deals.v1", token]);
  const unsent: string[] = [];
  let failure: Loss = { _kind: "refused" };
  let lastReceivedAt = now();
  let lastSentAt = lastReceivedAt;
  /** How many frames have come, and had when the last ping was sent: any frame is a sign of life. */
  let received = 0;
  let receivedBefore: number;

  const flush = (): void => {
    while (unsent.length > 0) {
      if (socket.bufferedAmount > BUFFERED_MAX_BYTES) return buffered(BUFFERED_CHECK_MS);
      try {
        socket.send(unsent[0]!);
      } catch {
        return; // closing: the loss is reported by its event, or found by a time limit
      }
      unsent.shift();
    }
  };
  const plan = (): void => {
    const pingAfterMs = host._pingAfterMs();
    const leftMs =
      (pingAfterMs === undefined
        ? Math.max(lastReceivedAt, lastSentAt) + limits.keepAliveAfterMs
        : lastReceivedAt + pingAfterMs) - now();
    if (leftMs > 0) return heartbeat(leftMs);
    if (pingAfterMs !== undefined) return self._ask();
    self._send('{"action":"keepAlive"}');
    plan();
  };

  const opening = timer(() => self._fail(NETWORK));
  const buffered = timer(flush);
  const heartbeat = timer(plan);
  const answer = timer((lateMs) => {
    if (received > receivedBefore) plan();
    // The machine slept, or the page was hidden: what has arrived is handled first.
    else if (lateMs > LATE_MS) answer(LATE_EXTRA_MS);
    else self._fail(NETWORK);
  });

  const self: Connection = {
    _isOpen: false,
    _isLive: true,
    _createdAt: lastReceivedAt,
    _send(text, requestId) {
      self._lastRequestId = requestId;
      lastSentAt = now();
      if (unsent.push(text) === 1) flush();
    },
    _plan: plan,
    _ask() {
      if (answer._isOn) return;
      receivedBefore = received;
      self._send('{"action":"ping"}');
      answer(limits.pingTimeoutMs);
    },
    _fail(loss) {
      if (!self._isLive) return;
      void self._end(false);
      host._lost(self, loss);
    },
    _end(isPolite) {
      const waits = isPolite && self._isLive && self._isOpen;
      self._isLive = false;
      for (const running of [opening, buffered, heartbeat, answer]) running();
      unsent.length = 0;
      socket.onopen = socket.onmessage = null;
      socket.onerror = noop; // `ws` throws an error that nobody listens to
      return new Promise((resolve) => {
        const closed = (): void => {
          wait();
          socket.onclose = null;
          socket.terminate?.();
          resolve();
        };
        const wait = timer(closed);
        socket.onclose = closed;
        try {
          socket.close(1000);
        } catch {
          // some sockets throw while they connect
        }
        if (waits) wait(CLOSE_WAIT_MS);
        else closed();
      });
    },
  };

  opening(limits.openTimeoutMs);
  socket.onopen = () => {
    if (!self._isLive) return;
    opening();
    self._isOpen = true;
    lastReceivedAt = lastSentAt = now();
    failure = NETWORK;
    plan();
    host._opened(self);
  };
  socket.onmessage = ({ data }: { data: string }) => {
    if (!self._isLive) return;
    lastReceivedAt = now();
    received += 1;
    try {
      host._received(self, Object(parse(data)) as Frame);
    } catch (error) {
      // It is not JSON, or malformed; what follows is none the worse.
      warn("badFrame", error);
    }
  };
  socket.onerror = ({ message, error }: { message?: string; error?: { code?: string } }) => {
    // Browsers tell nothing here. `ws` names the status, and Node's network errors have a code.
    const status = /response: (\d+)/.exec(message!)?.[1];
    if (status) failure = { _kind: "refused", _status: Number(status) };
    else if (error?.code?.startsWith("E")) failure = NETWORK;
  };
  socket.onclose = ({ code }: { code?: number }) =>
    self._fail(self._isOpen && code && code !== 1006 ? { _kind: "closed", _code: code } : failure);
  return self;
}
