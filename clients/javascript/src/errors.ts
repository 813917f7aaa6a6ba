/** What an error tells beside its message. */
export interface ErrorFields {
  code?: string | undefined;
  requestId?: string | undefined;
  retryable?: boolean;
  cause?: unknown;
}

/** Base of the errors of this package, and the error of a code that it does not know. */
export class DealsError extends Error {
  /** The service's code, or undefined for an error of the client. */
  declare readonly code: string | undefined;
  /** The id of the request that failed: a repeat with the same id is safe. */
  declare readonly requestId: string | undefined;
  /** Whether the same call may succeed later. */
  declare readonly retryable: boolean;
  declare readonly cause: unknown;

  constructor(message: string, fields?: ErrorFields) {
    super(message);
    Object.assign(this, fields);
  }
}

/** The class of an error. */
export interface ErrorClass<Fields = unknown> {
  new (message: string, fields?: ErrorFields & Partial<Fields>): DealsError & Fields;
  readonly prototype: DealsError & Fields;
}

/** Minifiers rename classes; the names of errors are part of the interface, and so are these defaults. */
const define = (type: { prototype: object }, name: string, fields: object): void =>
  Object.entries({ name, ...fields }).forEach(([key, value]) =>
    Object.defineProperty(type.prototype, key, { value, writable: true }),
  );
define(DealsError, "DealsError", { retryable: false });

function named<Fields>(name: string, fields: object = {}): ErrorClass<Fields> {
  const type = class extends DealsError {};
  define(type, name, fields);
  return type as unknown as ErrorClass<Fields>;
}

/** The service refused a request; `problems` has the field and the problem of each fault. */
export const ValidationError = named<{ readonly problems: readonly { field: string; problem: string }[] }>(
  "ValidationError",
  { problems: [] },
);
export type ValidationError = InstanceType<typeof ValidationError>;
/** The token does not permit it. */
export const Forbidden = named("Forbidden");
export type Forbidden = DealsError;
/** The message to acknowledge is not in the inbox. */
export const NotFound = named("NotFound");
export type NotFound = DealsError;
/** A person must act, for example sign in again. `getToken` throws it to stop the client. */
export const NotAuthorized = named("NotAuthorized");
export type NotAuthorized = DealsError;
/** The token has expired or is not good. */
export const AuthenticationError = named("AuthenticationError");
export type AuthenticationError = DealsError;
/** A subscription could not be stored, or passes a limit that `reason` names. */
export const SubscriptionError = named<{ readonly reason: string | undefined }>("SubscriptionError");
export type SubscriptionError = InstanceType<typeof SubscriptionError>;
/** A message could not be stored; nothing was sent. */
export const MessageNotStored = named("MessageNotStored");
export type MessageNotStored = DealsError;
/** Too many requests; nothing was done. After `retryAfterMs` the next one passes. */
export const RateLimited = named<{ readonly retryAfterMs: number }>("RateLimited", { retryAfterMs: 1_000 });
export type RateLimited = InstanceType<typeof RateLimited>;
/** A fault of the service; `correlationId` finds it in the logs. */
export const ServerError = named<{ readonly correlationId: string | undefined }>("ServerError");
export type ServerError = InstanceType<typeof ServerError>;
/** No answer until the deadline. The request may have been performed: repeat it with `requestId`. */
export const NoReply = named("NoReply");
export type NoReply = DealsError;
/** Too much waits for a connection already; nothing was sent. */
export const QueueFull = named("QueueFull");
export type QueueFull = DealsError;
/** The frame would pass what API Gateway takes; nothing was sent. */
export const MessageTooLarge = named("MessageTooLarge");
export type MessageTooLarge = DealsError;
/** The topic has a subscription with other filters, which this one would silently replace. */
export const DuplicateSubscription = named("DuplicateSubscription");
export type DuplicateSubscription = DealsError;
/** The service refused a connection; `status` is the HTTP status where it is known. */
export const HandshakeRefused = named<{ readonly status: number | undefined }>("HandshakeRefused");
export type HandshakeRefused = InstanceType<typeof HandshakeRefused>;
/** An option or the URL is wrong, or the runtime lacks something; the message names the remedy. */
export const ConfigurationError = named("ConfigurationError");
export type ConfigurationError = DealsError;
/** The client was closed, or disconnected while the call waited. */
export const ClientClosed = named("ClientClosed");
export type ClientClosed = DealsError;

export const closedError = (): ClientClosed => new ClientClosed("the client is closed");
export const disconnectedError = (): ClientClosed =>
  new ClientClosed("the client was disconnected", { retryable: true });

const BY_CODE: Record<string, ErrorClass> = {
  VALIDATION_ERROR: ValidationError,
  FORBIDDEN: Forbidden,
  NOT_FOUND: NotFound,
  AUTHENTICATION_ERROR: AuthenticationError,
  SUBSCRIPTION_ERROR: SubscriptionError,
  MESSAGE_ERROR: MessageNotStored,
  RATE_LIMITED: RateLimited,
  INTERNAL_ERROR: ServerError,
};
const RETRYABLE: unknown[] = [AuthenticationError, MessageNotStored, RateLimited, ServerError];
/** The reasons of a SUBSCRIPTION_ERROR that end by themselves. */
const PASSING: unknown[] = [undefined, "store", "too_many_new_filters"];

/** The error that the data of an `error` frame tells. `retryAfterMs` is the wait that it asks for, if any. */
export function errorOf(
  { code, message, details }: Record<string, any>,
  requestId: string,
): DealsError & { readonly retryAfterMs?: number } {
  const { reason, retryAfterMs, correlationId } = details ?? {};
  const type = BY_CODE[code] ?? DealsError;
  return new type(`${code}: ${message}`, {
    code,
    requestId,
    retryable: type === SubscriptionError ? PASSING.includes(reason) : RETRYABLE.includes(type),
    ...(Array.isArray(details) && { problems: details }),
    ...(reason && { reason }),
    ...(retryAfterMs && { retryAfterMs }),
    ...(correlationId && { correlationId }),
  });
}
