import { own } from "./own.js";

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
  readonly code: string | undefined;
  /** The id of the request that failed: a repeat with the same id is safe. */
  readonly requestId: string | undefined;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
  override readonly cause: unknown;

  constructor(message: string, { code, requestId, retryable = false, cause }: ErrorFields = {}) {
    super(message);
    this.code = code;
    this.requestId = requestId;
    this.retryable = retryable;
    this.cause = cause;
  }
}

/** The service refused a request; `problems` has the field and the problem of each fault. */
export class ValidationError extends DealsError {
  problems: readonly { field: string; problem: string }[] = [];
}
/** The token does not permit it. */
export class Forbidden extends DealsError {}
/** The message to acknowledge is not in the inbox. */
export class NotFound extends DealsError {}
/** A person must act, for example sign in again. `getToken` throws it to stop the client. */
export class NotAuthorized extends DealsError {}
/** The token has expired or is not good. */
export class AuthenticationError extends DealsError {}
/** A subscription could not be stored, or passes a limit that `reason` names. */
export class SubscriptionError extends DealsError {
  reason: string | undefined;
}
/** A message could not be stored; nothing was sent. */
export class MessageNotStored extends DealsError {}
/** Too many requests; nothing was done. After `retryAfterMs` the next one passes. */
export class RateLimited extends DealsError {
  retryAfterMs = 0;
}
/** A fault of the service; `correlationId` finds it in the logs. */
export class ServerError extends DealsError {
  correlationId: string | undefined;
}
/** No answer until the deadline. The request may have been performed: repeat it with `requestId`. */
export class NoReply extends DealsError {}
/** Too much waits for a connection already; nothing was sent. */
export class QueueFull extends DealsError {}
/** The frame would pass what API Gateway takes; nothing was sent. */
export class MessageTooLarge extends DealsError {}
/** The topic has a subscription with other filters, which this one would silently replace. */
export class DuplicateSubscription extends DealsError {}
/** The service refused a connection; `status` is the HTTP status where it is known. */
export class HandshakeRefused extends DealsError {
  status: number | undefined;
}
/** An option or the URL is wrong, or the runtime lacks something; the message names the remedy. */
export class ConfigurationError extends DealsError {}
/** The client was closed, or disconnected while the call waited. */
export class ClientClosed extends DealsError {}

const CLASSES = {
  DealsError,
  ValidationError,
  Forbidden,
  NotFound,
  NotAuthorized,
  AuthenticationError,
  SubscriptionError,
  MessageNotStored,
  RateLimited,
  ServerError,
  NoReply,
  QueueFull,
  MessageTooLarge,
  DuplicateSubscription,
  HandshakeRefused,
  ConfigurationError,
  ClientClosed,
};
// Minifiers rename classes; the names are part of the interface.
for (const [name, type] of Object.entries(CLASSES))
  Object.defineProperty(type.prototype, "name", { value: name });

const BY_CODE: Record<string, typeof DealsError> = {
  VALIDATION_ERROR: ValidationError,
  FORBIDDEN: Forbidden,
  NOT_FOUND: NotFound,
  AUTHENTICATION_ERROR: AuthenticationError,
  SUBSCRIPTION_ERROR: SubscriptionError,
  MESSAGE_ERROR: MessageNotStored,
  RATE_LIMITED: RateLimited,
  INTERNAL_ERROR: ServerError,
};
const RETRYABLE = [AuthenticationError, MessageNotStored, RateLimited, ServerError];
/** The reasons of a SUBSCRIPTION_ERROR that end by themselves. */
const PASSING = [undefined, "store", "too_many_new_filters"];

/** The error that the data of an `error` frame tells, and the wait that it asks for. */
export function errorOf(
  data: Record<string, unknown>,
  requestId: string | undefined,
): { error: DealsError; waitMs: number | undefined } {
  const code = String(data.code);
  const details = (data.details ?? {}) as { reason?: string; retryAfterMs?: number; correlationId?: string };
  const type = own(BY_CODE, code) ?? DealsError;
  const retryable = type === SubscriptionError ? PASSING.includes(details.reason) : RETRYABLE.includes(type);
  const error = new type(`${code}: ${String(data.message)}`, { code, requestId, retryable });

  if (error instanceof ValidationError && Array.isArray(details)) error.problems = details;
  if (error instanceof SubscriptionError) error.reason = details.reason;
  if (error instanceof ServerError) error.correlationId = details.correlationId;
  if (error instanceof RateLimited) error.retryAfterMs = details.retryAfterMs ?? 1_000;
  return { error, waitMs: details.retryAfterMs };
}
