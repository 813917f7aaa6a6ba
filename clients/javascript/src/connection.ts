import type { Timer, Timers } from "./clock.js";
import type { Settings } from "./options.js";
import type { Frame, Socket, SocketClass } from "./types.js";

const PROTOCOL = "deals.v1";
const CLOSE_WAIT_MS = 1_000;
const BUFFERED_MAX_BYTES = 256 * 1024;
const BUFFERED_CHECK_MS = 50;

/** How a connection ended, or failed to open. */
export interface Loss {
  /** refused: the handshake failed without a network error; closed: with a close frame; network: anything else. */
  kind: "refused" | "closed" | "network";
  /** The HTTP status of a refused handshake, where the socket shows it. */
  status?: number;
  /** The code of the close frame. */
  code?: number;
}

export interface ConnectionHandlers {
  opened(): void;
  frame(frame: Frame): void;
  lost(loss: Loss): void;
  unreadable(error: unknown): void;
}

/** One WebSocket. After `lost`, `close` or `abandon` it delivers nothing more. */
export class Connection {
  isOpen = false;
  readonly createdAt: number;
  lastReceivedAt: number;
  /** How many frames have come. */
  received = 0;
  lastSentAt: number;
  /** The id of the request that was written last: the cause, if the service closes for its size. */
  lastRequestId: string | undefined;
  /** The data of the `closing` frame. */
  closing: Record<string, unknown> | undefined;

  private readonly socket: Socket;
  private readonly openTimer: Timer;
  private handlers: ConnectionHandlers | undefined;
  private readonly unsent: string[] = [];
  private failure: Loss = { kind: "refused" };

  /** Begin to open a socket. What its constructor throws is passed on. */
  constructor(
    url: string,
    token: string,
    type: SocketClass,
    private readonly timers: Timers,
    settings: Settings,
    handlers: ConnectionHandlers,
  ) {
    this.createdAt = this.lastReceivedAt = this.lastSentAt = timers.now();
    this.handlers = handlers;
    this.socket = new type(url, [PROTOCOL, token]);
    this.openTimer = timers.start(settings.limits.openTimeoutMs, () => this.fail({ kind: "network" }));
    this.socket.onopen = () => this.onOpen();
    this.socket.onmessage = (event: { data: unknown }) => this.onText(String(event.data), settings.parse);
    this.socket.onerror = (event: { message?: string; error?: { code?: string } }) => this.onError(event);
    this.socket.onclose = (event: { code?: number }) => this.onClose(event.code);
  }

  get isLive(): boolean {
    return this.handlers !== undefined;
  }

  /** Write a text frame; it waits while much is buffered in the socket. */
  send(text: string, requestId?: string): void {
    this.lastRequestId = requestId;
    this.lastSentAt = this.timers.now();
    this.unsent.push(text);
    if (this.unsent.length === 1) this.flush();
  }

  /** Report the connection as lost. */
  fail(loss: Loss): void {
    const handlers = this.handlers;
    this.abandon();
    handlers?.lost(loss);
  }

  /** End the connection without waiting for the peer, and deliver nothing more. */
  abandon(): void {
    this.detach();
    this.tryToClose();
    this.socket.terminate?.();
  }

  /** Close the connection as a well-behaved client does; resolves within a second, whatever the peer does. */
  close(): Promise<void> {
    if (!this.isOpen || !this.handlers) return Promise.resolve(this.abandon());
    this.detach();
    return new Promise((resolve) => {
      const closed = (): void => {
        timer.stop();
        this.socket.onclose = null;
        this.socket.terminate?.();
        resolve();
      };
      const timer = this.timers.start(CLOSE_WAIT_MS, closed);
      this.socket.onclose = closed;
      this.tryToClose();
    });
  }

  private onOpen(): void {
    this.openTimer.stop();
    this.isOpen = true;
    this.lastReceivedAt = this.lastSentAt = this.timers.now();
    this.failure = { kind: "network" };
    this.handlers?.opened();
  }

  private onText(text: string, parse: (text: string) => unknown): void {
    this.lastReceivedAt = this.timers.now();
    this.received += 1;
    let frame: unknown;
    try {
      frame = parse(text);
    } catch (error) {
      return this.handlers?.unreadable(error);
    }
    this.handlers?.frame((typeof frame === "object" && frame) || {});
  }

  private onError(event: { message?: string; error?: { code?: string } }): void {
    // Browsers tell nothing here. `ws` names the status, and Node's network errors have a code.
    const status = /Unexpected server response: (\d+)/.exec(event.message ?? "")?.[1];
    if (status) this.failure = { kind: "refused", status: Number(status) };
    else if (event.error?.code?.startsWith("E")) this.failure = { kind: "network" };
  }

  private onClose(code: number | undefined): void {
    const told = this.isOpen && code !== undefined && code !== 1006;
    this.fail(told ? { kind: "closed", code } : this.failure);
  }

  private flush(): void {
    while (this.unsent.length > 0 && this.handlers) {
      if (this.socket.bufferedAmount > BUFFERED_MAX_BYTES) {
        this.timers.start(BUFFERED_CHECK_MS, () => this.flush());
        return;
      }
      try {
        this.socket.send(this.unsent[0]!);
      } catch {
        return; // closing: the loss is reported by its event, or found by a time limit
      }
      this.unsent.shift();
    }
  }

  private detach(): void {
    this.handlers = undefined;
    this.openTimer.stop();
    this.unsent.length = 0;
    this.socket.onopen = this.socket.onmessage = this.socket.onclose = null;
    this.socket.onerror = () => {}; // `ws` throws an error that nobody listens to
  }

  private tryToClose(): void {
    try {
      this.socket.close(1000);
    } catch {
      // some sockets throw while they connect
    }
  }
}
