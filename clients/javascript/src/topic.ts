import type { Timer } from "./clock.js";
import type { DealsError } from "./errors.js";
import { filterKey } from "./match.js";
import type { Subscription } from "./subscription.js";

export type Any = Subscription<never>;

/** One topic: the subscriptions that are wanted, and what the service has confirmed. */
export class Topic {
  readonly subscriptions = new Set<Any>();
  filters!: Record<string, unknown>;
  /** The same for filters that mean the same. */
  key!: string;
  /** The key of the filters that the connection has confirmed. */
  confirmed: string | undefined;
  /** The filters that the service has taken last. */
  inForce: Record<string, unknown> | undefined;
  /** It is forgotten, and another one may have its name. */
  isEnded = false;
  /** A request about it is under way. */
  busy = false;
  failures = 0;
  retry: Timer | undefined;
  /** Who waits until what is wanted is confirmed. */
  private waiters: { resolve: () => void; reject: (error: unknown) => void }[] = [];

  constructor(
    readonly name: string,
    filters: Record<string, unknown>,
  ) {
    this.useFilters(filters);
  }

  get isUnwanted(): boolean {
    return this.subscriptions.size === 0;
  }

  /** Whether what is confirmed is not what is wanted. */
  get isBehind(): boolean {
    if (this.isEnded) return false;
    if (this.isUnwanted) return this.confirmed !== undefined;
    return this.confirmed !== this.key || [...this.subscriptions].some(({ isBehind }) => isBehind);
  }

  useFilters(filters: Record<string, unknown>): void {
    this.filters = filters;
    this.key = filterKey(filters);
    for (const subscription of this.subscriptions) subscription.useFilters(filters);
  }

  /** The connection does not have it: it must be asked for what was missed. */
  setPending(): void {
    this.confirmed = undefined;
    for (const subscription of this.subscriptions) subscription.setPending();
  }

  untilSettled(): Promise<void> {
    return new Promise((resolve, reject) => this.waiters.push({ resolve, reject }));
  }

  /** What is wanted is confirmed, or with an error never will be. */
  settle(error?: unknown): void {
    for (const { resolve, reject } of this.waiters.splice(0)) error ? reject(error) : resolve();
  }

  end(reason: string, error?: DealsError): void {
    this.retry?.stop();
    for (const subscription of this.subscriptions) subscription.end(reason, error);
    this.settle(error);
  }
}

/** Whether a subscription can begin wherever others of its topic are. */
export const asksNothing = ({ position, options }: Any): boolean => position === undefined && !options.recent;
