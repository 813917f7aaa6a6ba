import { quiet, rejected } from "./calls.js";
import { createCore, type Core } from "./core.js";
import { closedError } from "./errors.js";
import type {
  ClientEvents,
  ClientOptions,
  ClientState,
  InboxEntry,
  MessageSent,
  NotificationAcked,
  Presence,
  SendOptions,
  Status,
  SubscribeOptions,
  Subscription,
} from "./types.js";
import type { ReplyData, RequestData } from "./wire.js";

/** A connection to the deals service that is made again, resumed and refreshed by itself. */
export class DealsClient {
  readonly state: ClientState = "idle";
  private readonly _core: Core;

  /** Opens nothing and touches nothing global. Throws ConfigurationError for an option that is out of range. */
  constructor(options: ClientOptions) {
    this._core = createCore(this, options);
  }

  /** Listen; returns how to stop. */
  on<Name extends keyof ClientEvents>(
    name: Name,
    listener: (value: ClientEvents[Name]) => unknown,
  ): () => void {
    return this._core._on(name, listener);
  }

  /** Resolves when connected. Rejects when the client stops or is closed, or the signal aborts. */
  connect({ signal }: { signal?: AbortSignal } = {}): Promise<void> {
    return this._core._connect(signal);
  }

  /**
   * Subscribe to a topic, before or after `connect()`. Throws DuplicateSubscription if the topic has a
   * subscription with other filters, which this one would silently replace on the service: `update()` that one, or
   * filter the events yourself.
   */
  subscribe<Data = unknown>(topic: string, options: SubscribeOptions<Data> = {}): Subscription<Data> {
    if (this.state === "closed") throw closedError();
    return this._core._subscribe(topic, options);
  }

  /** Send a message; repeated with one id until an answer, so it is stored once. */
  sendMessage(
    recipientId: string,
    content: string,
    { type = "text", ...options }: SendOptions = {},
  ): Promise<MessageSent> {
    return this._call("sendMessage", { recipientId, content, type }, options);
  }

  /** Read the inbox, oldest first. */
  inbox({ status }: { status?: InboxEntry["status"] } = {}): AsyncGenerator<InboxEntry, undefined> {
    return this._core._entries(status);
  }

  /** Record that a message or notification was delivered or read. */
  ack(messageId: string, type: "delivered" | "read" = "read"): Promise<NotificationAcked> {
    return this._call("notificationAck", { messageId, type });
  }

  /** Who of these users has a connection now. */
  presence(users: string[]): Promise<Presence["users"]> {
    return quiet(this._call("getPresence", { users }).then((data) => data.users));
  }

  status(): Promise<Status> {
    return this._call("getStatus", {});
  }

  /** Close the connection; the subscriptions stay for the next `connect()`. */
  disconnect(): void {
    this._core._disconnect();
  }

  /** End the client; resolves within a second. No timer and no listener is left. */
  close(): Promise<void> {
    return this._core._close();
  }

  private _call<Action extends keyof RequestData>(
    action: Action,
    data: RequestData[Action],
    options?: Omit<SendOptions, "type">,
  ): Promise<ReplyData[Action]> {
    if (this.state === "closed") return rejected(closedError());
    return quiet(this._core._call(action, data, options).then((reply) => reply.data));
  }
}
