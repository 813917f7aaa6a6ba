import { onAbort } from "./calls.js";
import type { Timers } from "./clock.js";
import type { Connection } from "./connection.js";
import { DealsError, DuplicateSubscription } from "./errors.js";
import { filterKey, type Match } from "./match.js";
import type { Settings } from "./options.js";
import type { Requests } from "./requests.js";
import { Subscription, type Owner } from "./subscription.js";
import { asksNothing, Topic, type Any } from "./topic.js";
import { TopicSync } from "./topic_sync.js";
import type { SubscribeOptions } from "./types.js";
import type { EventFrame, Subscribed } from "./wire.js";

const ALL_DEALS = "all-deals";
const PRIVATE = "private.";

/** What topics need of the rest of the client. */
export interface TopicsHost {
  can(feature: string): boolean;
  restore(subscription: Any): void;
  positionMoved(): void;
  warn(code: string, message: string, cause?: unknown): void;
}

/** What is wanted of each topic, and who gets its events. */
export class Topics implements Owner {
  private readonly topics = new Map<string, Topic>();
  private readonly sync: TopicSync;

  constructor(
    requests: Requests,
    private readonly timers: Timers,
    private readonly settings: Settings,
    private readonly host: TopicsHost,
  ) {
    this.sync = new TopicSync(requests, timers, settings, {
      can: (feature) => host.can(feature),
      warn: (...warning) => host.warn(...warning),
      forget: (topic) => this.forget(topic),
      end: (topic, reason, error) => this.endTopic(topic.name, reason, error),
    });
  }

  get subscriptions(): Any[] {
    return [...this.topics.values()].flatMap((topic) => [...topic.subscriptions]);
  }

  /** Whether the connection has confirmed everything that is wanted. */
  get areSettled(): boolean {
    return [...this.topics.values()].every((topic) => !topic.busy && !topic.isBehind);
  }

  subscribe<Data>(name: string, options: SubscribeOptions<Data>): Subscription<Data> {
    const topic = this.findTopic(name, options.filters ?? {});
    const created = new Subscription<Data>(name, options, this, this.timers, this.settings);
    const subscription = created as unknown as Any;
    const sibling = [...topic.subscriptions].find(({ state }) => state === "live");
    topic.subscriptions.add(subscription);
    if (subscription.position === undefined) this.host.restore(subscription);
    onAbort(options.signal, () => void created.unsubscribe());

    if (sibling && topic.confirmed === topic.key && asksNothing(subscription)) {
      subscription.isBehind = false;
      // After the caller has it, since its handlers are called.
      void Promise.resolve().then(
        () =>
          sibling.position !== undefined &&
          subscription.state === "pending" &&
          !subscription.isBehind &&
          subscription.joinLive(sibling.position),
      );
    } else this.sync.run(topic);
    return created;
  }

  update(subscription: Any, filters: Record<string, unknown>): Promise<void> {
    const topic = this.topics.get(subscription.topic);
    if (!topic?.subscriptions.has(subscription))
      return Promise.reject(new DealsError("the subscription has ended"));
    if (topic.subscriptions.size > 1 && filterKey(filters) !== topic.key)
      return Promise.reject(this.duplicate(topic.name));
    topic.useFilters(filters);
    if (topic.confirmed !== topic.key) subscription.setPending();
    return this.settle(topic);
  }

  unsubscribe(subscription: Any): Promise<void> {
    const topic = this.topics.get(subscription.topic);
    if (!topic?.subscriptions.delete(subscription)) return Promise.resolve();
    subscription.end("unsubscribed");
    return topic.isUnwanted ? this.settle(topic) : Promise.resolve();
  }

  /** Subscribe on this connection, if there is one, to everything that is wanted, in order of creation. */
  useConnection(connection?: Connection): void {
    this.sync.useConnection(connection, [...this.topics.values()]);
  }

  /** Whether subscriptions are confirmed by this connection. */
  isOn(connection: Connection): boolean {
    return this.sync.connection === connection;
  }

  /** Renew what the service does not know. */
  compare(known: Subscribed[]): void {
    const names = new Set(known.map(({ topic }) => topic));
    for (const topic of this.topics.values()) {
      if (topic.busy || topic.confirmed === undefined || names.has(topic.name)) continue;
      topic.setPending();
      this.sync.run(topic);
    }
  }

  /** Hand an event to each subscription whose own filter holds. */
  receive(frame: EventFrame): void {
    const { topic } = frame;
    const names = topic === ALL_DEALS || topic.startsWith(PRIVATE) ? [topic] : [topic, ALL_DEALS];
    for (const name of names)
      for (const subscription of [...(this.topics.get(name)?.subscriptions ?? [])])
        subscription.receive(frame);
  }

  /** The service has ended a subscription. */
  endTopic(name: string, reason: string, error?: DealsError): void {
    const topic = this.topics.get(name);
    if (topic) this.forget(topic);
    topic?.end(reason, error);
  }

  endAll(reason: string, error: DealsError): void {
    this.useConnection();
    for (const name of [...this.topics.keys()]) this.endTopic(name, reason, error);
  }

  matches({ filters, data }: EventFrame, match: Match): boolean {
    // A service of the first release matches by attributes that it does not send.
    return !this.host.can("eventFilters") || match(filters, (data ?? {}) as Record<string, unknown>);
  }

  catchUp(subscription: Any): void {
    const topic = this.topics.get(subscription.topic);
    if (topic) this.sync.catchUp(topic, subscription);
  }

  startFresh(subscription: Any): void {
    subscription.isBehind = true;
    const topic = this.topics.get(subscription.topic);
    if (topic) this.sync.run(topic);
  }

  positionMoved(): void {
    this.host.positionMoved();
  }

  warn(code: string, message: string, cause: unknown): void {
    this.host.warn(code, message, cause);
  }

  private findTopic(name: string, filters: Record<string, unknown>): Topic {
    const found = this.topics.get(name);
    if (!found) {
      const topic = new Topic(name, filters);
      this.topics.set(name, topic);
      return topic;
    }
    if (found.isUnwanted) found.useFilters(filters);
    else if (found.key !== filterKey(filters)) throw this.duplicate(name);
    return found;
  }

  private forget(topic: Topic): void {
    topic.isEnded = true;
    if (this.topics.get(topic.name) === topic) this.topics.delete(topic.name);
  }

  private duplicate(name: string): DuplicateSubscription {
    return new DuplicateSubscription(
      `${name} has a subscription with other filters, which this one would silently replace: update() it, or filter the events yourself`,
    );
  }

  private settle(topic: Topic): Promise<void> {
    const settled = topic.untilSettled();
    this.sync.run(topic);
    return settled;
  }
}
