import type { Timers } from "./clock.js";
import type { Connection } from "./connection.js";
import { DealsError, Forbidden, NoReply, SubscriptionError, ValidationError } from "./errors.js";
import type { Settings } from "./options.js";
import { Pacer } from "./pacer.js";
import { Lost, type Reply, type Requests } from "./requests.js";
import { asksNothing, type Any, type Topic } from "./topic.js";
import type { RequestData } from "./wire.js";

const RETRY_BASE_MS = 2_000;
const RETRY_MAX_MS = 60_000;

/** What the synchronisation needs of the rest of the client. */
export interface SyncHost {
  /** Whether the service has a feature. */
  can(feature: string): boolean;
  warn(code: string, message: string, cause?: unknown): void;
  /** The topic is not wanted and not confirmed any more. */
  forget(topic: Topic): void;
  end(topic: Topic, reason: string, error: DealsError): void;
}

/** Brings what the connection has confirmed to what is wanted; one request per topic is in flight at most. */
export class TopicSync {
  connection: Connection | undefined;
  private readonly pacer: Pacer;
  /** Whether the service takes `recent`; unknown until it has refused one. */
  private takesRecent = true;

  constructor(
    private readonly requests: Requests,
    private readonly timers: Timers,
    private readonly settings: Settings,
    private readonly host: SyncHost,
  ) {
    this.pacer = new Pacer(timers);
  }

  /** There is another connection or none: nothing is confirmed. */
  useConnection(connection: Connection | undefined, topics: Iterable<Topic>): void {
    this.connection = connection;
    this.pacer.clear();
    for (const topic of topics) {
      topic.busy = false;
      topic.retry?.stop();
      topic.setPending();
      this.run(topic);
    }
  }

  /** Compare what is wanted of a topic with what is confirmed, and send what corrects it. */
  run(topic: Topic): void {
    if (topic.busy) return;
    const { connection } = this;
    if (!topic.isBehind || (topic.isUnwanted && !connection)) {
      if (topic.isUnwanted) this.host.forget(topic);
      return topic.settle();
    }
    if (!connection) return;
    topic.busy = true;
    topic.retry?.stop();
    this.pacer.take(() => {
      topic.busy = false;
      if (this.connection !== connection || !topic.isBehind) return this.run(topic);
      topic.busy = true;
      if (topic.isUnwanted)
        this.send(topic, "unsubscribeFromDeals", { topic: topic.name }, () => (topic.confirmed = undefined));
      else this.subscribe(topic);
    });
  }

  /** Read the next page of what a subscription has missed. */
  catchUp(topic: Topic, subscription: Any): void {
    const { connection } = this;
    if (!connection) return;
    const { position: since } = subscription;
    if (!this.host.can("getEvents") || since === undefined) {
      subscription.isBehind = true;
      return this.run(topic);
    }
    const { name, filters } = topic;
    this.requests.call("getEvents", { topic: name, filters, since }, { on: connection }).then(
      ({ data }) => {
        if (this.connection === connection) subscription.takePage(data, false);
      },
      (error: unknown) => {
        if (error instanceof Lost || this.connection !== connection) return;
        this.host.warn("catchUpFailed", `reading the history of ${name} failed`, error);
        subscription.isBehind = true;
        this.retryLater(topic);
      },
    );
  }

  private subscribe(topic: Topic): void {
    const { name, filters, key, subscriptions } = topic;
    if (topic.confirmed !== key) for (const subscription of subscriptions) subscription.isBehind = true;
    const behind = [...subscriptions].filter(({ isBehind }) => isBehind);
    const resuming = behind.filter(({ position }) => position !== undefined);
    // Those without a position take a picture of their own: a replay would bring them more than they asked for.
    const asking = resuming.length > 0 ? resuming : behind;
    const since = resuming.length > 0 ? Math.min(...resuming.map(({ position }) => position!)) : undefined;
    const recent = this.takesRecent ? Math.max(0, ...asking.map(({ options }) => options.recent ?? 0)) : 0;

    const data = {
      topic: name,
      filters,
      ...(since !== undefined && { since }),
      ...(recent > 0 && { recent }),
    };
    this.send(topic, "subscribeToDeals", data, ({ data: page }) => {
      topic.confirmed = key;
      topic.inForce = filters;
      for (const subscription of asking)
        if (subscriptions.has(subscription)) subscription.takePage(page, since === undefined);
      // Who came meanwhile and asks for nothing more begins here as well.
      for (const subscription of subscriptions) {
        if (since === undefined && subscription.isBehind && asksNothing(subscription))
          subscription.joinLive(page.position);
      }
    });
  }

  private send<Action extends keyof RequestData>(
    topic: Topic,
    action: Action,
    data: RequestData[Action],
    confirmed: (reply: Reply<Action>) => void,
  ): void {
    const connection = this.connection!;
    const isCurrent = (): boolean => {
      const current = this.connection === connection && !topic.isEnded;
      if (current) topic.busy = false;
      return current;
    };
    this.requests.call(action, data, { on: connection }).then(
      (reply) => {
        if (!isCurrent()) return;
        topic.failures = 0;
        confirmed(reply);
        this.run(topic);
      },
      (error: unknown) => isCurrent() && this.fail(topic, error, "recent" in data),
    );
  }

  private fail(topic: Topic, error: unknown, askedRecent: boolean): void {
    if (error instanceof Lost) return;
    if (error instanceof ValidationError) {
      if (askedRecent && error.problems.some(({ field }) => field === "data.recent")) {
        this.takesRecent = false; // a service of the first release
        return this.run(topic);
      }
      if (topic.inForce !== undefined) {
        // The filters of an update are refused: the old ones stay in force.
        topic.useFilters(topic.inForce);
        topic.settle(error);
        return this.run(topic);
      }
    }
    if (error instanceof DealsError && this.isFinal(topic, error)) {
      const { reason = error.code ?? "failed" } = error as SubscriptionError;
      return this.host.end(topic, error instanceof Forbidden ? "forbidden" : reason, error);
    }
    this.host.warn("subscriptionFailed", `subscribing to ${topic.name} failed`, error);
    this.retryLater(topic);
  }

  /** Whether a subscription ends with an error; one that was live is tried again where that may help. */
  private isFinal(topic: Topic, error: DealsError): boolean {
    if (error instanceof NoReply) return false;
    const wasLive = [...topic.subscriptions].some((subscription) => subscription.wasLive);
    return !wasLive || !(error.retryable || error instanceof SubscriptionError);
  }

  private retryLater(topic: Topic): void {
    const delay = this.settings.random() * Math.min(RETRY_MAX_MS, RETRY_BASE_MS * 2 ** topic.failures);
    topic.failures += 1;
    topic.retry?.stop();
    topic.retry = this.timers.start(delay, () => this.run(topic));
  }
}
