// What is on the wire, from docs/asyncapi.yaml: `make reference` writes it, code is the source.

/** Several pushes that were due together, each as if it had arrived alone. */
export interface Batch {
  frames: Record<string, unknown>[];
}

/** The last frame before the server closes the connection. */
export interface Closing {
  reason: "expired" | "revoked" | "blocked" | "kicked" | "replaced" | "handover";
  reconnect: boolean;
  retryAfterMs?: number;
}

/** Nothing. */
export type Empty = Record<string, never>;

/** A request failed; `details` lists `{field, problem}` of a VALIDATION_ERROR, else names the cause. */
export interface Error {
  code:
    | "VALIDATION_ERROR"
    | "AUTHENTICATION_ERROR"
    | "FORBIDDEN"
    | "CONNECTION_ERROR"
    | "SUBSCRIPTION_ERROR"
    | "MESSAGE_ERROR"
    | "NOT_FOUND"
    | "RATE_LIMITED"
    | "INTERNAL_ERROR";
  message: string;
  details?: unknown;
}

/** An event: any frame with a position, whatever its type. */
export interface EventFrame {
  type: string;
  data: unknown;
  topic: string;
  eventId: string;
  /** Rises through the whole deployment */
  position: number;
  filters?: Record<string, unknown>;
  /** Epoch seconds */
  expiresAt?: number;
  /** Epoch seconds */
  timestamp: number;
}

/** A page of the history, in order. */
export interface Events {
  topic: string;
  events: EventFrame[];
  /** Rises through the whole deployment */
  position: number;
  recovered: boolean;
  more?: true;
}

/** A stored message or notification. */
export interface InboxEntry {
  messageId: string;
  kind: "message" | "notification";
  senderId?: string;
  type: string;
  content: unknown;
  /** Epoch seconds */
  timestamp: number;
  status: "sent" | "delivered" | "read";
  /** Epoch seconds */
  deliveredAt?: number;
  /** Epoch seconds */
  readAt?: number;
}

/** Another user has sent a message. */
export interface MessageReceived {
  messageId: string;
  senderId: string;
  content: string;
  type: string;
  /** Epoch seconds */
  timestamp: number;
}

/** The message is stored, and pushed or queued to be. */
export interface MessageSent {
  messageId: string;
  recipientId: string;
  /** Epoch seconds */
  timestamp: number;
}

/** A recipient has received or read a message of the user. */
export interface MessageStatus {
  messageId: string;
  recipientId: string;
  type: "delivered" | "read";
  /** Epoch seconds */
  timestamp: number;
}

/** A page of the inbox, oldest first; `next` pages on, `cursor` is where to begin the next time. */
export interface Messages {
  messages: InboxEntry[];
  next?: string;
  cursor?: string;
}

/** A backend notifies the user; further members are the backend's own. */
export interface Notification {
  messageId: string;
}

/** The status is recorded. */
export interface NotificationAcked {
  messageId: string;
  type: "delivered" | "read";
  /** Epoch seconds */
  timestamp: number;
}

/** Whether a user has a connection. */
export interface Online {
  online: boolean;
}

/** Who has a connection now, by user id. */
export interface Presence {
  users: Record<string, Online>;
}

/** The two-hour limit is near: open a new connection within `graceSeconds`, then close this one. */
export interface Reconnect {
  reason: string;
  graceSeconds: number;
}

/** What a client may use of the server. */
export interface Server {
  protocol: number;
  /** Epoch seconds */
  time: number;
  heartbeatSeconds: number;
  frameBytesMax: number;
  features: string[];
}

/** What the service knows of the connection; `unread` is null where it could not be counted. */
export interface StatusUpdate {
  connectionId: string;
  userId: string;
  /** Epoch seconds */
  connectedSince: number;
  /** Epoch seconds */
  tokenExpiresAt: number;
  subscriptions: Subscribed[];
  unread: number | null;
  systemStatus: "operational" | "degraded";
  server?: Server;
}

/** A subscription of the connection. */
export interface Subscribed {
  topic: string;
  /** Attribute to condition; all must hold. At most 20 conditions, 4 KB */
  filters: Record<string, unknown>;
}

/** The subscription is in force; with `since` or `recent`, the first events. */
export interface SubscriptionConfirmed {
  topic: string;
  /** Attribute to condition; all must hold. At most 20 conditions, 4 KB */
  filters: Record<string, unknown>;
  /** Rises through the whole deployment */
  position: number;
  recovered?: boolean;
  events?: EventFrame[];
  more?: true;
}

/** A subscription has ended without the client's asking. */
export interface SubscriptionEnded {
  topic: string;
  reason: "permissions" | "operator";
}

/** The token ends within a minute or so: refresh it. */
export interface TokenExpiring {
  /** Epoch seconds */
  expiresAt: number;
}

/** The connection lives until then. */
export interface TokenRefreshed {
  /** Epoch seconds */
  expiresAt: number;
}

/** The subscription is gone. */
export interface UnsubscriptionConfirmed {
  topic: string;
}

/** What a `ping` holds. */
export type PingData = Record<string, never>;

/** What a `subscribeToDeals` holds. */
export interface SubscribeToDealsData {
  topic?: string;
  /** Attribute to condition; all must hold. At most 20 conditions, 4 KB */
  filters?: Record<string, unknown>;
  /** Rises through the whole deployment */
  since?: number;
  recent?: number;
}

/** What a `getEvents` holds. */
export interface GetEventsData {
  topic?: string;
  /** Attribute to condition; all must hold. At most 20 conditions, 4 KB */
  filters?: Record<string, unknown>;
  /** Rises through the whole deployment */
  since?: number;
  recent?: number;
}

/** What a `unsubscribeFromDeals` holds. */
export interface UnsubscribeFromDealsData {
  topic?: string;
}

/** What a `sendMessage` holds. */
export interface SendMessageData {
  recipientId: string;
  content: string;
  type?: string;
}

/** What a `getMessages` holds. */
export interface GetMessagesData {
  after?: string;
  limit?: number;
  status?: "sent" | "delivered" | "read";
}

/** What a `notificationAck` holds. */
export interface NotificationAckData {
  messageId: string;
  type?: "delivered" | "read";
}

/** What a `getStatus` holds. */
export type GetStatusData = Record<string, never>;

/** What a `getPresence` holds. */
export interface GetPresenceData {
  users: string[];
}

/** What a `refreshToken` holds. */
export interface RefreshTokenData {
  token: string;
}

/** What a request of each action holds. */
export interface RequestData {
  ping: PingData;
  subscribeToDeals: SubscribeToDealsData;
  getEvents: GetEventsData;
  unsubscribeFromDeals: UnsubscribeFromDealsData;
  sendMessage: SendMessageData;
  getMessages: GetMessagesData;
  notificationAck: NotificationAckData;
  getStatus: GetStatusData;
  getPresence: GetPresenceData;
  refreshToken: RefreshTokenData;
}

/** What the reply to each action holds. */
export interface ReplyData {
  ping: Empty;
  subscribeToDeals: SubscriptionConfirmed;
  getEvents: Events;
  unsubscribeFromDeals: UnsubscriptionConfirmed;
  sendMessage: MessageSent;
  getMessages: Messages;
  notificationAck: NotificationAcked;
  getStatus: StatusUpdate;
  getPresence: Presence;
  refreshToken: TokenRefreshed;
}

/** What each push that is no event holds. */
export interface PushData {
  messageReceived: MessageReceived;
  notification: Notification;
  messageStatus: MessageStatus;
  tokenExpiring: TokenExpiring;
  reconnect: Reconnect;
  subscriptionEnded: SubscriptionEnded;
  closing: Closing;
  batch: Batch;
}
