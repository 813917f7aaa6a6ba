export { DealsClient } from "./client.js";
export {
  AuthenticationError,
  ClientClosed,
  ConfigurationError,
  DealsError,
  DuplicateSubscription,
  Forbidden,
  HandshakeRefused,
  MessageNotStored,
  MessageTooLarge,
  NoReply,
  NotAuthorized,
  NotFound,
  QueueFull,
  RateLimited,
  ServerError,
  SubscriptionError,
  ValidationError,
  type ErrorClass,
  type ErrorFields,
} from "./errors.js";
export { keepIn, webStorage } from "./storage.js";
export type { Clock } from "./clock.js";
export type { Condition, Filters, Scalar } from "./filter_types.js";
export type * from "./types.js";
