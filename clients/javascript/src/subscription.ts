import { callSafely, defer, quiet } from "./calls.js";
import type { Timers } from "./clock.js";
import { DealsError } from "./errors.js";
import { compileFilter, type Match } from "./match.js";
import type { Settings } from "./options.js";
import { Ordering } from "./ordering.js";
import { Reader } from "./reader.js";
import { Seen } from "./seen.js";
import type { DealEvent, Gap, SubscribeOptions, SubscriptionState } from "./types.js";
import type { Filters } from "./filter_types.js";
import type { EventFrame, Events } from "./wire.js";

/** What a subscription asks of the topic that it belongs to. */
export interface Owner {
  /** Whether an event is one that a filter wants. */
  matches(frame: EventFrame, match: Match): boolean;
  /** Read the next page of what it has missed. */
  catchUp(subscription: Subscription<never>): void;
  /** Subscribe anew without a position: what was missed is too much. */
  startFresh(subscription: Subscription<never>): void;
  update(subscription: Subscription<never>, filters: Record<string, unknown>): Promise<void>;
  unsubscribe(subscription: Subscription<never>): Promise<void>;
  positionMoved(): void;
  warn(code: string, message: string, cause: unknown): void;
}

/** The data of a `subscriptionConfirmed` or an `events` reply. */
export type Page = Pick<Events, "position"> & Partial<Events>;

/** The wish for the events of a topic, and what of them has come. Iterate over it, or give `onEvent`. */
export class Subscription<Data = unknown> implements AsyncIterable<DealEvent<Data>> {
  state: SubscriptionState = "pending";
  /** The highest position that was handed out; undefined before the first confirmation. */
  position: number | undefined;
  /** Resolves when the subscription is live for the first time. */
  readonly ready: Promise<{ position: number; recovered: boolean }>;

  /** @internal Position to resume from on the next connection, by what its reader has taken. */
  safePosition: number | undefined;
  /** @internal The ids by which repeats are dropped. */
  readonly seen: Seen;
  /** @internal The matching of its own filter. */
  match!: Match;
  /** @internal Whether the service must be asked for what it has missed, or for a first position. */
  isBehind = true;
  /** @internal */
  wasLive = false;
  private readonly live = defer<{ position: number; recovered: boolean }>();
  private readonly reader: Reader<Data> | undefined;
  private readonly ordering: Ordering | undefined;
  private held: EventFrame[] = [];
  private dropped = false;
  private wantsPage = false;
  private recovered = true;
  private gapTold = false;
  private replayed = 0;
  private gaveUpAt: number | undefined;

  /** @internal */
  constructor(
    readonly topic: string,
    readonly options: SubscribeOptions<Data>,
    private readonly owner: Owner,
    timers: Timers,
    private readonly settings: Settings,
  ) {
    this.ready = this.live.promise;
    this.position = this.safePosition = options.since;
    this.seen = new Seen(settings.limits.seen);
    this.useFilters(options.filters ?? {});
    if (options.order)
      this.ordering = new Ordering(timers, (event) => this.handOut(event as DealEvent<Data>));
    if (!options.onEvent) {
      this.reader = new Reader(
        settings.limits.buffer,
        ({ position }) => this.moveSafePosition(position),
        () => this.nextPage(),
      );
    }
  }

  /** Change the filters; resolves when the service has confirmed them. */
  update({ filters }: { filters: Filters<Data> }): Promise<void> {
    return quiet(this.owner.update(this as unknown as Subscription<never>, filters));
  }

  /** End the subscription; resolves when the service has confirmed it, at once without a connection. */
  unsubscribe(): Promise<void> {
    return quiet(this.owner.unsubscribe(this as unknown as Subscription<never>));
  }

  [Symbol.asyncIterator](): AsyncIterator<DealEvent<Data>, undefined> {
    const { reader } = this;
    if (!reader) throw new TypeError("this subscription has onEvent: it cannot be iterated over as well");
    return {
      next: () => reader.next(),
      return: async () => {
        await this.unsubscribe();
        return { done: true, value: undefined };
      },
    };
  }

  /** @internal How many events wait in it. */
  get buffered(): number {
    return this.held.length + (this.reader?.size ?? 0);
  }

  /** @internal The last ids that its reader has taken. */
  takenIds(count: number): string[] {
    const waiting = new Set(this.reader?.ids);
    return this.seen.last(count + waiting.size).filter((id) => !waiting.has(id));
  }

  /** @internal */
  useFilters(filters: Record<string, unknown>): void {
    this.match = compileFilter(filters);
  }

  /** @internal Take what another page load has stored. */
  restore(position: number, ids: string[]): void {
    this.position = this.safePosition = position;
    for (const id of ids) this.seen.add(id);
  }

  /** @internal The connection is lost, or a new one takes over: it must be asked what was missed. */
  setPending(): void {
    this.isBehind = true;
    this.wantsPage = this.gapTold = this.dropped = false;
    this.replayed = 0;
    this.held = []; // the replay brings them
    if (this.state !== "ended") this.setState("pending");
  }

  /** @internal It is live from here on, since another subscription to the same events is. */
  joinLive(position: number): void {
    this.isBehind = false;
    this.becomeLive(position);
  }

  /** @internal Take an event of the topic, if it matches. */
  receive(frame: EventFrame): void {
    if (this.state === "live") {
      if (this.owner.matches(frame, this.match)) this.take(frame, "live");
      return;
    }
    if (this.state === "ended" || this.seen.has(frame.eventId)) return;
    if (this.held.length < this.settings.limits.buffer) this.held.push(frame);
    else this.dropped = true;
  }

  /** @internal Take a page of a replay, or with `isRecent` a picture of the newest events. */
  takePage(page: Page, isRecent: boolean): void {
    if (this.state === "ended") return;
    this.isBehind = false;
    const events = page.events ?? [];
    const from = this.position;
    if (page.recovered === false && from !== undefined && !isRecent) {
      this.recovered = false;
      this.tellGap({ from, to: page.position, reason: "history" });
    }
    if (this.gaveUpAt !== undefined && isRecent) {
      this.tellGap({ from: this.gaveUpAt, to: page.position, reason: "tooFar" });
      this.gaveUpAt = undefined;
    }

    const source = isRecent || (page.recovered === false && this.options.recent) ? "recent" : "replay";
    for (const event of events) this.take(event, source);
    if (this.isEnded) return;
    this.replayed += events.length;
    this.setPosition(page.position);
    if (!page.more) return this.becomeLive(page.position);

    this.setState("catchingUp");
    if (isRecent || this.replayed < this.settings.limits.maxReplay) return this.requestPage();

    // Too much was missed: tell it with the next picture, which is a fresh one.
    this.recovered = false;
    this.gaveUpAt = page.position;
    this.position = undefined;
    this.owner.startFresh(this as unknown as Subscription<never>);
  }

  /** @internal */
  end(reason: string, error?: DealsError): void {
    if (this.state === "ended") return;
    this.ordering?.flush(Infinity);
    this.ordering?.stop();
    this.held = [];
    this.setState("ended", reason, error);
    this.live.reject(error ?? new DealsError(`the subscription ended: ${reason}`));
    this.reader?.end(error);
  }

  private becomeLive(position: number): void {
    if (this.dropped) {
      // Their places in the history come after the page that was read while they came.
      this.dropped = false;
      this.setState("catchingUp");
      return this.requestPage();
    }
    this.setPosition(position);
    this.wasLive = true;
    this.setState("live");
    this.live.resolve({ position, recovered: this.recovered });
    const held = this.held.sort((a, b) => a.position - b.position);
    this.held = [];
    for (const frame of held) this.receive(frame);
  }

  /** Ask for the next page, now or when the reader has taken the last event. */
  private requestPage(): void {
    this.wantsPage = true;
    if (!this.reader?.size) this.nextPage();
  }

  private nextPage(): void {
    if (!this.wantsPage || this.state === "ended") return;
    this.wantsPage = false;
    this.owner.catchUp(this as unknown as Subscription<never>);
  }

  private get isEnded(): boolean {
    return this.state === "ended";
  }

  private moveSafePosition(taken: number): void {
    this.safePosition = this.reader?.size
      ? Math.max(this.safePosition ?? 0, taken)
      : (this.position ?? taken);
    this.owner.positionMoved();
  }

  private setPosition(position: number): void {
    this.position = position;
    if (!this.reader?.size) this.safePosition = position;
    this.owner.positionMoved();
  }

  private take(frame: EventFrame, source: DealEvent["source"]): void {
    if (this.isEnded) return;
    if (source === "live" && this.reader?.isFull) {
      // Nothing is lost: the position stays, and what comes now is read from the history later.
      this.setState("catchingUp");
      return this.requestPage();
    }
    if (!this.seen.add(frame.eventId)) return;
    const { type, topic, eventId, position, timestamp, data } = frame;
    const event = { type, topic, eventId, position, timestamp, data, source } as DealEvent<Data>;
    if (this.ordering) this.ordering.add(event);
    else this.handOut(event);
  }

  private handOut(event: DealEvent<Data>): void {
    if (this.state === "live" && event.position > (this.position ?? 0)) this.setPosition(event.position);
    const { onEvent } = this.options;
    if (onEvent) this.call("onEvent", () => onEvent(event));
    else this.reader!.add(event);
  }

  private tellGap(gap: Gap): void {
    if (this.gapTold) return;
    this.gapTold = true;
    this.call("onGap", () => this.options.onGap?.(gap));
  }

  private setState(state: SubscriptionState, reason?: string, error?: DealsError): void {
    if (this.state === state) return;
    this.state = state;
    const change = { state, ...(reason && { reason }), ...(error && { error }) };
    this.call("onState", () => this.options.onState?.(change));
  }

  private call(name: string, handler: () => unknown): void {
    callSafely(handler, (error) =>
      this.owner.warn("handlerFailed", `${name} of the subscription to ${this.topic} threw`, error),
    );
  }
}
