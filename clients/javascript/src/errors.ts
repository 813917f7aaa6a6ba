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

const BY_CODE: Record<string, typeof DealsError> = {};

/** Minifiers rename classes; the names of errors are part of the interface, and so are these defaults. */
function setDefaults(type: typeof DealsError, fields: object): void {
  for (const [key, value] of Object.entries(fields))
    Object.defineProperty(type.prototype, key, { value, writable: true });
}
setDefaults(DealsError, { name: "DealsError", retryable: false });

/** A class of errors, for the service's code of the same name or for `code`. */
function named<Fields>(
  name: string,
  fields?: object,
  code = name.replace(/\B[A-Z]/g, "_$&").toUpperCase(),
): ErrorClass<Fields> {
  const type = class extends DealsError {};
  BY_CODE[code] = type;
  setDefaults(type, { name, ...fields });
  return type as unknown as ErrorClass<Fields>;
}
/** The default of errors after which the same call may succeed. */
const RETRYABLE = { retryable: true };

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
export const AuthenticationError = named("AuthenticationError", RETRYABLE);
export type AuthenticationError = DealsError;
/** A subscription could not be stored, or passes a limit that `reason` names. */
export const SubscriptionError = named<{ readonly reason: string | undefined }>("SubscriptionError");
export type SubscriptionError = InstanceType<typeof SubscriptionError>;
/** A message could not be stored; nothing was sent. */
export const MessageNotStored = named("MessageNotStored", RETRYABLE, "MESSAGE_ERROR");
export type MessageNotStored = DealsError;
/** Too many requests; nothing was done. After `retryAfterMs` the next one passes. */
export const RateLimited = named<{ readonly retryAfterMs: number }>("RateLimited", {
  ...RETRYABLE,
  retryAfterMs: 1_000,
});
export type RateLimited = InstanceType<typeof RateLimited>;
/** A fault of the service; `correlationId` finds it in the logs. */
export const ServerError = named<{ readonly correlationId: string | undefined }>(
  "ServerError",
  RETRYABLE,
  "INTERNAL_ERROR",
);
export type ServerError = InstanceType<typeof ServerError>;
/** No answer until the deadline. The request may have been performed: repeat it with `requestId`. */
export const NoReply = named("NoReply", RETRYABLE);
export type NoReply = DealsError;
/** Too much waits for a connection already; nothing was sent. */
export const QueueFull = named("QueueFull", RETRYABLE);
export type QueueFull = DealsError;
/** The frame would pass what API Gateway takes; nothing was sent. */
export const MessageTooLarge = named("MessageTooLarge");
export type MessageTooLarge = DealsError;
/** The topic has a subscription with other filters, which this one would silently replace. */
export const DuplicateSubscription = named("DuplicateSubscription");
export type DuplicateSubscription = DealsError;
/** The service refused a connection; `status` is the HTTP status where it is known. */
export const HandshakeRefused = named<{ readonly status: number | undefined }>("HandshakeRefused", RETRYABLE);
export type HandshakeRefused = InstanceType<typeof HandshakeRefused>;
/** An option or the URL is wrong, or the runtime lacks something; the message names the remedy. */
export const ConfigurationError = named("ConfigurationError");
export type ConfigurationError = DealsError;
/** The client was closed, or disconnected while the call waited. */
export const ClientClosed = named("ClientClosed");
export type ClientClosed = DealsError;

export const closedError = (): ClientClosed => new ClientClosed("closed");
export const disconnectedError = (): ClientClosed => new ClientClosed("disconnected", { retryable: true });

/** The reasons of a SUBSCRIPTION_ERROR that end by themselves. */
const PASSING: unknown[] = [undefined, "store", "too_many_new_filters"];

/** The error that the data of an `error` frame tells. `retryAfterMs` is the wait that it asks for, if any. */
export function errorOf(
  { code, message, details }: Record<string, any>,
  requestId: string,
): DealsError & { readonly retryAfterMs?: number } {
  const type = BY_CODE[code] ?? DealsError;
  return new type(`${code}: ${message}`, {
    ...(Array.isArray(details) ? { problems: details } : details),
    code,
    requestId,
    ...((type as unknown) === SubscriptionError && { retryable: PASSING.includes(details?.reason) }),
  });
}
