import { onAbort } from "./calls.js";
import type { Timer, Timers } from "./clock.js";
import type { Connection } from "./connection.js";
import {
  DealsError,
  DuplicateSubscription,
  Forbidden,
  NoReply,
  SubscriptionError,
  ValidationError,
} from "./errors.js";
import { filterKey, type Match } from "./match.js";
import type { Settings } from "./options.js";
import { Pacer } from "./pacer.js";
import { Lost, type Requests } from "./requests.js";
import { Subscription, type Owner, type Page } from "./subscription.js";
import type { Frame, Status, SubscribeOptions } from "./types.js";

export const ALL_DEALS = "all-deals";
const PRIVATE = "private.";
const RETRY_BASE_MS = 2_000;
const RETRY_MAX_MS = 60_000;

type Any = Subscription<never>;

/** One topic: the subscriptions that are wanted, and what the service has confirmed. */
interface Topic {
  name: string;
  filters: object;
  key: string;
  subscriptions: Set<Any>;
  /** The key of the filters that the connection has confirmed. */
  confirmed: string | undefined;
  /** The filters that the service has taken last. */
  inForce: object | undefined;
  busy: boolean;
  failures: number;
  retry?: Timer;
  /** Who waits until what is wanted is confirmed. */
  settled: { resolve: () => void; reject: (error: unknown) => void }[];
}

/** What topics need of the rest of the client. */
export interface TopicsHost {
  features(): Set<string>;
  restore(subscription: Any): void;
  positionMoved(): void;
  warn(code: string, message: string, cause?: unknown): void;
}

/** What is wanted of each topic and what is confirmed; one request per topic is in flight at most. */
export class Topics implements Owner {
  private readonly topics = new Map<string, Topic>();
  private readonly pacer: Pacer;
  private connection: Connection | undefined;
  /** Whether the service takes `recent`; unknown until it has refused one. */
  private takesRecent = true;

  constructor(
    private readonly requests: Requests,
    private readonly timers: Timers,
    private readonly settings: Settings,
    private readonly host: TopicsHost,
  ) {
    this.pacer = new Pacer(timers);
  }

  get subscriptions(): Any[] {
    return [...this.topics.values()].flatMap((topic) => [...topic.subscriptions]);
  }

  /** Whether the connection has confirmed everything that is wanted. */
  get areSettled(): boolean {
    return [...this.topics.values()].every((topic) => !topic.busy && !this.isBehind(topic));
  }

  subscribe<Data>(name: string, options: SubscribeOptions<Data>): Subscription<Data> {
    const filters = options.filters ?? {};
    const key = filterKey(filters);
    const topic = this.findTopic(name, filters, key);
    const subscription = new Subscription<Data>(name, options, this, this.timers, this.settings);
    const sibling = [...topic.subscriptions].find(({ state }) => state === "live");
    topic.subscriptions.add(subscription as unknown as Any);
    if (subscription.position === undefined) this.host.restore(subscription as unknown as Any);
    onAbort(options.signal, () => void subscription.unsubscribe());

    const joins = sibling && topic.confirmed === key && this.asksNothing(subscription as unknown as Any);
    if (joins) {
      subscription.isBehind = false;
      // After the caller has it, since its handlers are called.
      void Promise.resolve().then(
        () =>
          sibling.position !== undefined &&
          subscription.state === "pending" &&
          !subscription.isBehind &&
          subscription.joinLive(sibling.position),
      );
    } else this.sync(topic);
    return subscription;
  }

  update(subscription: Any, filters: object): Promise<void> {
    const topic = this.topics.get(subscription.topic);
    if (!topic?.subscriptions.has(subscription))
      return Promise.reject(new DealsError("the subscription has ended"));
    if (topic.subscriptions.size > 1 && filterKey(filters) !== topic.key)
      return Promise.reject(this.duplicate(topic.name));
    this.useFilters(topic, filters);
    if (topic.confirmed !== topic.key) subscription.setPending();
    return this.settle(topic);
  }

  unsubscribe(subscription: Any): Promise<void> {
    const topic = this.topics.get(subscription.topic);
    if (!topic?.subscriptions.delete(subscription)) return Promise.resolve();
    subscription.end("unsubscribed");
    return topic.subscriptions.size > 0 ? Promise.resolve() : this.settle(topic);
  }

  /** Subscribe on this connection to everything that is wanted, in order of creation. */
  renew(connection: Connection): void {
    this.lose();
    this.connection = connection;
    for (const topic of [...this.topics.values()]) this.sync(topic);
  }

  /** Whether subscriptions are confirmed by this connection. */
  isOn(connection: Connection): boolean {
    return this.connection === connection;
  }

  /** There is no connection. */
  lose(): void {
    this.connection = undefined;
    this.pacer.clear();
    for (const topic of [...this.topics.values()]) {
      topic.confirmed = undefined;
      topic.busy = false;
      topic.retry?.stop();
      for (const subscription of topic.subscriptions) subscription.setPending();
      this.sync(topic);
    }
  }

  /** Renew what the service does not know. */
  compare(known: Status["subscriptions"]): void {
    const names = new Set(known.map(({ topic }) => topic));
    for (const topic of this.topics.values()) {
      if (topic.busy || topic.confirmed === undefined || names.has(topic.name)) continue;
      topic.confirmed = undefined;
      for (const subscription of topic.subscriptions) subscription.setPending();
      this.sync(topic);
    }
  }

  /** Hand an event to each subscription whose own filter holds. */
  receive(frame: Frame): void {
    this.deliver(frame.topic!, frame);
    if (frame.topic !== ALL_DEALS && !frame.topic!.startsWith(PRIVATE)) this.deliver(ALL_DEALS, frame);
  }

  /** The service has ended a subscription. */
  endTopic(name: string, reason: string, error?: DealsError): void {
    const topic = this.topics.get(name);
    if (!topic) return;
    this.topics.delete(name);
    topic.retry?.stop();
    for (const subscription of topic.subscriptions) subscription.end(reason, error);
    for (const { resolve, reject } of topic.settled.splice(0)) error ? reject(error) : resolve();
  }

  endAll(reason: string, error: DealsError): void {
    this.pacer.clear();
    for (const name of [...this.topics.keys()]) this.endTopic(name, reason, error);
  }

  matches(frame: Frame, match: Match): boolean {
    // A service of the first release matches by attributes that it does not send.
    return !this.host.features().has("eventFilters") || match(frame.filters, frame.data ?? {});
  }

  catchUp(subscription: Any): void {
    const topic = this.topics.get(subscription.topic);
    if (!topic || !this.connection) return;
    if (!this.host.features().has("getEvents") || subscription.position === undefined) {
      subscription.isBehind = true;
      return this.sync(topic);
    }
    const { connection } = this;
    this.requests
      .call(
        "getEvents",
        { topic: topic.name, filters: topic.filters, since: subscription.position },
        { on: connection },
      )
      .then(
        (reply) => {
          if (this.connection === connection) subscription.takePage(reply.data as unknown as Page, false);
        },
        (error: unknown) => {
          if (error instanceof Lost || this.connection !== connection) return;
          this.host.warn("catchUpFailed", `reading the history of ${topic.name} failed`, error);
          subscription.isBehind = true;
          this.retryLater(topic);
        },
      );
  }

  startFresh(subscription: Any): void {
    subscription.isBehind = true;
    const topic = this.topics.get(subscription.topic);
    if (topic) this.sync(topic);
  }

  positionMoved(): void {
    this.host.positionMoved();
  }

  warn(code: string, message: string, cause: unknown): void {
    this.host.warn(code, message, cause);
  }

  private findTopic(name: string, filters: object, key: string): Topic {
    const found = this.topics.get(name);
    if (found && found.subscriptions.size > 0 && found.key !== key) throw this.duplicate(name);
    const topic = found ?? {
      name,
      filters,
      key,
      subscriptions: new Set<Any>(),
      confirmed: undefined,
      inForce: undefined,
      busy: false,
      failures: 0,
      settled: [],
    };
    this.topics.set(name, topic);
    topic.filters = filters;
    topic.key = key;
    return topic;
  }

  private useFilters(topic: Topic, filters: object): void {
    topic.filters = filters;
    topic.key = filterKey(filters);
    for (const subscription of topic.subscriptions) subscription.useFilters(filters);
  }

  private duplicate(name: string): DuplicateSubscription {
    return new DuplicateSubscription(
      `${name} has a subscription with other filters, which this one would silently replace: update() it, or filter the events yourself`,
    );
  }

  private asksNothing({ position, options }: Any): boolean {
    return position === undefined && !options.recent;
  }

  private deliver(name: string, frame: Frame): void {
    const topic = this.topics.get(name);
    for (const subscription of [...(topic?.subscriptions ?? [])]) subscription.receive(frame);
  }

  private settle(topic: Topic): Promise<void> {
    return new Promise((resolve, reject) => {
      topic.settled.push({ resolve, reject });
      this.sync(topic);
    });
  }

  private isBehind(topic: Topic): boolean {
    if (topic.subscriptions.size === 0) return topic.confirmed !== undefined;
    return topic.confirmed !== topic.key || [...topic.subscriptions].some(({ isBehind }) => isBehind);
  }

  /** Compare what is wanted with what is confirmed, and send what corrects it. */
  private sync(topic: Topic): void {
    if (topic.busy) return;
    const isUnwanted = topic.subscriptions.size === 0;
    if (!this.isBehind(topic) || (isUnwanted && !this.connection)) {
      if (isUnwanted && this.topics.get(topic.name) === topic) this.topics.delete(topic.name);
      for (const { resolve } of topic.settled.splice(0)) resolve();
      return;
    }
    const { connection } = this;
    if (!connection) return;
    topic.busy = true;
    topic.retry?.stop();
    this.pacer.take(() => {
      topic.busy = false;
      if (this.connection !== connection || !this.isBehind(topic)) return this.sync(topic);
      topic.busy = true;
      if (topic.subscriptions.size === 0) this.sendUnsubscribe(topic, connection);
      else this.sendSubscribe(topic, connection);
    });
  }

  private sendUnsubscribe(topic: Topic, connection: Connection): void {
    this.send(
      topic,
      connection,
      "unsubscribeFromDeals",
      { topic: topic.name },
      () => (topic.confirmed = undefined),
    );
  }

  private sendSubscribe(topic: Topic, connection: Connection): void {
    const { name, filters, key } = topic;
    if (topic.confirmed !== key) for (const subscription of topic.subscriptions) subscription.isBehind = true;
    const behind = [...topic.subscriptions].filter(({ isBehind }) => isBehind);
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
    this.send(topic, connection, "subscribeToDeals", data, (reply) => {
      topic.confirmed = key;
      topic.inForce = filters;
      const page = reply.data as unknown as Page;
      for (const subscription of asking) {
        if (topic.subscriptions.has(subscription)) subscription.takePage(page, since === undefined);
      }
      // Who came meanwhile and asks for nothing more begins here as well.
      for (const subscription of topic.subscriptions) {
        if (since === undefined && subscription.isBehind && this.asksNothing(subscription))
          subscription.joinLive(page.position);
      }
    });
  }

  private send(
    topic: Topic,
    connection: Connection,
    action: string,
    data: object,
    confirmed: (reply: Frame) => void,
  ): void {
    const settled = (apply: () => void): void => {
      if (this.connection !== connection || this.topics.get(topic.name) !== topic) return;
      topic.busy = false;
      apply();
    };
    this.requests.call(action, data, { on: connection }).then(
      (reply) =>
        settled(() => {
          topic.failures = 0;
          confirmed(reply);
          this.sync(topic);
        }),
      (error: unknown) => settled(() => this.fail(topic, error, "recent" in data)),
    );
  }

  private fail(topic: Topic, error: unknown, askedRecent: boolean): void {
    if (error instanceof Lost) return;
    if (
      askedRecent &&
      error instanceof ValidationError &&
      error.problems.some(({ field }) => field === "data.recent")
    ) {
      this.takesRecent = false; // a service of the first release
      return this.sync(topic);
    }
    if (error instanceof ValidationError && topic.inForce !== undefined) {
      // The filters of an update are refused: the old ones stay in force.
      this.useFilters(topic, topic.inForce);
      for (const { reject } of topic.settled.splice(0)) reject(error);
      return this.sync(topic);
    }
    if (error instanceof DealsError && this.isFinal(topic, error)) {
      const reason =
        error instanceof Forbidden
          ? "forbidden"
          : ((error as SubscriptionError).reason ?? error.code ?? "failed");
      return this.endTopic(topic.name, reason, error);
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
    topic.retry = this.timers.start(delay, () => this.sync(topic));
  }
}
