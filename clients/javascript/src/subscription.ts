import { quiet, remember } from "./calls.js";
import { DealsError } from "./errors.js";
import { createOrdering } from "./ordering.js";
import type { Runtime } from "./runtime.js";
import type {
  DealEvent,
  Gap,
  SubscribeOptions,
  Subscription,
  SubscriptionChange,
  SubscriptionState,
} from "./types.js";
import type { EventFrame, Events } from "./wire.js";

/** What a subscription asks of the topic that it belongs to. */
export interface Owner {
  /** Whether an event is one that the filters want. */
  _matches(frame: EventFrame): boolean;
  /** Read the next page of what it has missed; without a position, subscribe anew. */
  _catchUp(subscription: Sub): void;
  _update(subscription: Sub, filters: Record<string, unknown>): Promise<void>;
  _unsubscribe(subscription: Sub): Promise<void>;
  _moved(): void;
}

/** The data of a `subscriptionConfirmed` or an `events` reply. */
export type Page = Pick<Events, "position"> & Partial<Events>;

/** A subscription as the rest of the client sees it. */
export interface Sub extends Subscription<any> {
  state: SubscriptionState;
  position: number | undefined;
  /** Whether the service must be asked for what it has missed, or for a first position. */
  _isBehind: boolean;
  _wasLive: boolean;
  /** The connection is lost, or a new one takes over: it must be asked what was missed. */
  _setPending(): void;
  /** Take an event of the topic, if it matches. */
  _receive(frame: EventFrame): void;
  /** Take a page of a replay, or with `isRecent` a picture of the newest events. */
  _takePage(page: Page, isRecent: boolean): void;
  _end(reason: string, error?: unknown): void;
  /** The position to resume from and the last ids, by what its reader has taken. */
  _saved(): { position: number | undefined; ids: string[] };
  /** Take what another page load has stored. */
  _restore(saved: { position: number; ids: string[] }): void;
  /** How many ids and events it holds. */
  _held(): [seen: number, buffered: number];
}

type Result = IteratorResult<DealEvent<any>, undefined>;
const DONE: Result = { done: true, value: undefined };
const IDS_SAVED = 200;

/** The wish for the events of a topic, and what of them has come. */
export function createSubscription(
  runtime: Runtime,
  topic: string,
  options: SubscribeOptions<any>,
  owner: Owner,
): Sub {
  const { buffer, seen: seenMax, maxReplay } = runtime._limits;
  const seen = new Set<string>();
  /** Events that wait for the iterator, and calls of its `next` that wait for events. */
  const queue: DealEvent<any>[] = [];
  const takers: [resolve: (result: Result) => void, reject: (error: unknown) => void][] = [];
  /** Live events that wait for the pages before them. */
  let held: EventFrame[] = [];
  let hasDropped = false;
  let wantsPage = false;
  let recovered = true;
  let gapTold = false;
  let replayed = 0;
  let gaveUpAt: number | undefined;
  let safePosition = options.since;
  let error: unknown;
  let settleReady!: (typeof takers)[number];

  const isEnded = (): boolean => self.state === "ended";
  const tell = <Value>(name: string, handler: ((value: Value) => unknown) | undefined, value: Value): void =>
    runtime._guard(`${name} of ${topic}`, handler, value);
  const setState = (state: SubscriptionState, more?: Partial<SubscriptionChange>): void => {
    if (self.state === state) return;
    self.state = state;
    tell("onState", options.onState, { state, ...more });
  };
  const tellGap = (from: number, to: number, reason: Gap["reason"]): void => {
    recovered = false;
    if (!gapTold) tell("onGap", options.onGap, { from, to, reason });
    gapTold = true;
  };
  const setPosition = (position: number): void => {
    self.position = position;
    if (queue.length === 0) safePosition = position;
    owner._moved();
  };
  /** The iterator has taken an event. */
  const taken = ({ position }: DealEvent): void => {
    safePosition = queue.length > 0 ? Math.max(safePosition ?? 0, position) : (self.position ?? position);
    owner._moved();
  };
  const nextPage = (): void => {
    if (!wantsPage || isEnded()) return;
    wantsPage = false;
    owner._catchUp(self);
  };
  /** Ask for the next page, now or when the reader has taken the last event. */
  const requestPage = (): void => {
    setState("catchingUp");
    wantsPage = true;
    if (queue.length === 0) nextPage();
  };
  const handOut = (event: DealEvent<any>): void => {
    if (self.state === "live" && event.position > (self.position ?? 0)) setPosition(event.position);
    if (options.onEvent) return tell("onEvent", options.onEvent, event);
    const taker = takers.shift();
    if (!taker) return void queue.push(event);
    taken(event);
    taker[0]({ done: false, value: event });
  };
  const ordering = options.order && createOrdering(runtime, handOut);
  const take = (frame: EventFrame, source: DealEvent["source"]): void => {
    if (isEnded()) return;
    // Nothing is lost: the position stays, and what comes now is read from the history later.
    if (source === "live" && queue.length >= buffer) return requestPage();
    const { type, eventId, position, timestamp, data } = frame;
    if (!remember(seen, eventId, seenMax)) return;
    const event = { type, topic: frame.topic, eventId, position, timestamp, data, source };
    if (ordering) ordering._add(event);
    else handOut(event);
  };
  const becomeLive = (position: number): void => {
    if (hasDropped) {
      // Their places in the history come after the page that was read while they came.
      hasDropped = false;
      return requestPage();
    }
    setPosition(position);
    self._wasLive = true;
    setState("live");
    settleReady[0]({ position, recovered } as never);
    const waiting = held.sort((a, b) => a.position - b.position);
    held = [];
    waiting.forEach(self._receive);
  };

  const self: Sub = {
    topic,
    options,
    state: "pending",
    position: options.since,
    ready: quiet(new Promise((...settle) => (settleReady = settle as never))),
    update: ({ filters }) => owner._update(self, filters),
    unsubscribe: () => owner._unsubscribe(self),
    [Symbol.asyncIterator]() {
      if (options.onEvent) throw new TypeError("onEvent takes the events");
      return {
        next() {
          const event = queue.shift();
          if (event) {
            taken(event);
            if (queue.length === 0) nextPage();
            return Promise.resolve({ done: false, value: event });
          }
          return quiet(
            new Promise<Result>((...taker) => {
              takers.push(taker);
              if (isEnded()) finishTakers();
            }),
          );
        },
        return: () => self.unsubscribe().then(() => DONE),
      };
    },

    _isBehind: true,
    _wasLive: false,
    _setPending() {
      self._isBehind = true;
      wantsPage = gapTold = hasDropped = false;
      replayed = 0;
      held = []; // the replay brings them
      if (!isEnded()) setState("pending");
    },
    _receive(frame) {
      if (self.state === "live") {
        if (owner._matches(frame)) take(frame, "live");
      } else if (!isEnded() && !seen.has(frame.eventId)) {
        if (held.length < buffer) held.push(frame);
        else hasDropped = true;
      }
    },
    _takePage({ events = [], position, recovered: isWhole = true, more }, isRecent) {
      if (isEnded()) return;
      self._isBehind = false;
      if (isRecent) {
        if (gaveUpAt !== undefined) tellGap(gaveUpAt, position, "tooFar");
        gaveUpAt = undefined;
      } else if (!isWhole && self.position !== undefined) tellGap(self.position, position, "history");

      for (const event of events) take(event, isRecent || (!isWhole && options.recent) ? "recent" : "replay");
      if (isEnded()) return;
      replayed += events.length;
      setPosition(position);
      if (!more) return becomeLive(position);
      if (isRecent || replayed < maxReplay) return requestPage();

      // Too much was missed: tell it with the next picture, which is a fresh one.
      setState("catchingUp");
      gaveUpAt = position;
      self.position = undefined;
      owner._catchUp(self);
    },
    _end(reason, cause) {
      if (isEnded()) return;
      ordering?._flush(Infinity);
      held = [];
      setState("ended", { reason, ...(cause instanceof DealsError && { error: cause }) });
      settleReady[1](cause ?? new DealsError(`ended: ${reason}`));
      error = cause;
      finishTakers();
    },
    _saved() {
      const waiting = new Set(queue.map(({ eventId }) => eventId));
      const ids = [...seen].filter((id) => !waiting.has(id));
      return { position: safePosition, ids: ids.slice(-IDS_SAVED) };
    },
    _restore({ position, ids }) {
      self.position = safePosition = position;
      for (const id of ids) seen.add(id);
    },
    _held: () => [seen.size, held.length + queue.length],
  };

  /** No more events come; an error is thrown once, after the events that wait. */
  const finishTakers = (): void => {
    for (const [resolve, reject] of takers.splice(0)) {
      if (error) reject(error);
      else resolve(DONE);
      error = undefined;
    }
  };
  return self;
}
