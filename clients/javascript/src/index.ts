export { DealsClient } from "./client.js";
export * from "./errors.js";
export { webStorage } from "./storage.js";
export type { Subscription } from "./subscription.js";
export type { Clock } from "./clock.js";
export type { Condition, Filters, Scalar } from "./filter_types.js";
export type * from "./types.js";
