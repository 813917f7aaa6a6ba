import { onAbort, quiet, rejected } from "./calls.js";
import type { Timer } from "./clock.js";
import type { Connection } from "./connection.js";
import {
  DealsError,
  DuplicateSubscription,
  Forbidden,
  NoReply,
  SubscriptionError,
  ValidationError,
  type ErrorClass,
} from "./errors.js";
import { compileFilter, filterKey, type Match } from "./match.js";
import { createPacer } from "./pacer.js";
import { LOST, type Reply, type Requests } from "./requests.js";
import type { Runtime } from "./runtime.js";
import { createSubscription, type Owner, type Sub } from "./subscription.js";
import type { SubscribeOptions } from "./types.js";
import type { EventFrame, RequestData, Subscribed } from "./wire.js";

const ALL_DEALS = "all-deals";
const RETRY_BASE_MS = 2_000;
const RETRY_MAX_MS = 60_000;

type Filters = Record<string, unknown>;

/** One topic: the subscriptions that are wanted, and what the service has confirmed. */
interface Topic {
  readonly _name: string;
  readonly _subs: Set<Sub>;
  _filters: Filters;
  _match: Match;
  /** The same for filters that mean the same. */
  _key: string;
  /** The key of the filters that the connection has confirmed. */
  _confirmed?: string | undefined;
  /** The filters that the service has taken last. */
  _inForce?: Filters;
  /** A request about it is under way. */
  _isBusy?: boolean;
  _failures: number;
  readonly _retry: Timer;
  /** Called when what is wanted is confirmed, or with an error if it never will be. */
  _waiters: ((error?: unknown) => void)[];
}

/** What topics need of the rest of the client. */
export interface TopicsHost {
  /** Whether the service has a feature. */
  _can(feature: string): boolean;
  _restore(subscription: Sub): void;
  _moved(): void;
}

export interface Topics {
  _subscribe(name: string, options: SubscribeOptions<any>): Sub;
  _all(): Sub[];
  /** Whether the connection has confirmed everything that is wanted. */
  _areSettled(): boolean;
  /** There is another connection or none: renew on it everything that is wanted, in order of creation. */
  _use(connection?: Connection): void;
  /** Whether subscriptions are confirmed by this connection. */
  _isOn(connection: Connection): boolean;
  /** Renew what the service does not know. */
  _compare(known: Subscribed[]): void;
  /** Hand an event to each subscription whose own filter holds. */
  _receive(frame: EventFrame): void;
  /** The subscriptions to a topic, or to all of them, have ended. */
  _end(reason: string, error: unknown, name?: string): void;
}

/** Whether what is confirmed is not what is wanted. */
const isBehind = ({ _subs, _confirmed, _key }: Topic): boolean =>
  _subs.size > 0 ? _confirmed !== _key || [..._subs].some((sub) => sub._isBehind) : _confirmed !== undefined;

const useFilters = (topic: Topic, filters: Filters): void => {
  topic._filters = filters;
  topic._key = filterKey(filters);
  topic._match = compileFilter(filters);
};

const setPending = (topic: Topic): void => {
  topic._confirmed = undefined;
  for (const sub of topic._subs) sub._setPending();
};

/** Answer those who wait for a topic. */
const settle = (topic: Topic, error?: unknown): void => {
  for (const answer of topic._waiters.splice(0)) answer(error);
};

/** Whether a subscription can begin wherever others of its topic are. */
const asksNothing = ({ position, options }: Sub): boolean => position === undefined && !options.recent;

/** Brings what the connection has confirmed to what is wanted; one request per topic is in flight at most. */
export function createTopics(runtime: Runtime, call: Requests["_call"], host: TopicsHost): Topics {
  const { _random: random, _timer: timer, _warn: warn } = runtime;
  const pacer = createPacer(runtime);
  const topics = new Map<string, Topic>();
  let current: Connection | undefined;
  /** Whether the service takes `recent`; unknown until it has refused one. */
  let takesRecent = true;

  /** Resolves when what is wanted of a topic is confirmed. */
  const correct = (topic: Topic): Promise<void> =>
    quiet(
      new Promise((resolve, reject) => {
        topic._waiters.push((error) => (error ? reject(error) : resolve()));
        run(topic);
      }),
    );
  const forget = (topic: Topic): void => {
    topic._retry();
    if (topics.get(topic._name) === topic) topics.delete(topic._name);
  };
  const end = (topic: Topic, reason: string, error?: unknown): void => {
    const { _subs } = topic;
    const ended = [..._subs];
    forget(topic);
    _subs.clear();
    topic._confirmed = undefined;
    for (const sub of ended) sub._end(reason, error);
    settle(topic, error);
  };
  const duplicate = (name: string): DealsError =>
    new DuplicateSubscription(`${name}: subscribed with other filters; update() that one`);

  const every = (): Topic[] => [...topics.values()];

  /** Compare what is wanted of a topic with what is confirmed, and send what corrects it. */
  const run = (topic: Topic): void => {
    const connection = current;
    if (topic._isBusy) return;
    const live = topic._confirmed === topic._key && [...topic._subs].find(({ state }) => state === "live");
    // Who asks for nothing more begins where others are.
    for (const sub of topic._subs)
      if (live && sub._isBehind && asksNothing(sub)) sub._takePage({ position: live.position! }, true);
    if (!isBehind(topic) || !(connection || topic._subs.size)) {
      if (topic._subs.size === 0) forget(topic);
      return settle(topic);
    }
    if (!connection) return;
    topic._isBusy = true;
    topic._retry();
    pacer._take(() => {
      topic._isBusy = false;
      if (current !== connection || !isBehind(topic)) return run(topic);
      topic._isBusy = true;
      if (topic._subs.size > 0) return subscribe(topic);
      send(topic, "unsubscribeFromDeals", { topic: topic._name }, () => (topic._confirmed = undefined));
    });
  };

  const subscribe = (topic: Topic): void => {
    const { _name, _filters: filters, _key, _subs } = topic;
    if (topic._confirmed !== _key) for (const sub of _subs) sub._isBehind = true;
    const behind = [..._subs].filter((sub) => sub._isBehind);
    const resuming = behind.filter(({ position }) => position !== undefined);
    const resumes = resuming.length > 0;
    // Those without a position take a picture of their own: a replay would bring them more than they asked for.
    const asking = resumes ? resuming : behind;
    const recent = takesRecent ? Math.max(0, ...asking.map(({ options }) => options.recent ?? 0)) : 0;

    const data = {
      topic: _name,
      filters,
      ...(resumes && { since: Math.min(...resuming.map(({ position }) => position!)) }),
      ...(recent && { recent }),
    };
    send(topic, "subscribeToDeals", data, ({ data: page }) => {
      topic._confirmed = _key;
      topic._inForce = filters;
      for (const sub of asking) if (_subs.has(sub)) sub._takePage(page, !resumes);
    });
  };

  const send = <Action extends keyof RequestData>(
    topic: Topic,
    action: Action,
    data: RequestData[Action],
    confirmed: (reply: Reply<Action>) => void,
  ): void => {
    const connection = current!;
    const isCurrent = (): boolean => {
      if (current !== connection || topics.get(topic._name) !== topic) return false;
      topic._isBusy = false;
      return true;
    };
    call(action, data, { _on: connection }).then(
      (reply) => {
        if (!isCurrent()) return;
        topic._failures = 0;
        confirmed(reply);
        run(topic);
      },
      (error: unknown) => isCurrent() && fail(topic, error as DealsError, "recent" in data),
    );
  };

  const fail = (topic: Topic, error: DealsError, askedRecent: boolean): void => {
    if (error === LOST) return;
    if (error instanceof ValidationError) {
      if (askedRecent && error.problems.some(({ field }) => field === "data.recent")) {
        takesRecent = false; // a service of the first release
        return run(topic);
      }
      if (topic._inForce) {
        // The filters of an update are refused: the old ones stay in force.
        useFilters(topic, topic._inForce);
        settle(topic, error);
        return run(topic);
      }
    }
    // What was live is tried again where that may help, and so is what got no answer.
    const is = (...types: ErrorClass[]): boolean => types.some((type) => error instanceof type);
    const wasLive = [...topic._subs].some((sub) => sub._wasLive);
    if (is(NoReply) || (wasLive && (error.retryable || is(SubscriptionError)))) return retry(topic, error);
    const { reason = error.code ?? "failed" } = error as SubscriptionError;
    end(topic, is(Forbidden) ? "forbidden" : reason, error);
  };

  const retry = (topic: Topic, error: unknown): void => {
    warn("subscriptionFailed", error, `${topic._name}: ${error}`);
    topic._retry(random() * Math.min(RETRY_MAX_MS, RETRY_BASE_MS * 2 ** topic._failures));
    topic._failures += 1;
  };

  /** Read the next page of what a subscription has missed. */
  const catchUp = (topic: Topic, sub: Sub): void => {
    const connection = current;
    const { _name, _filters: filters } = topic;
    const since = sub.position;
    if (!connection) return;
    const renew = (): void => {
      sub._isBehind = true;
      run(topic);
    };
    if (!host._can("getEvents") || since === undefined) return renew();
    call("getEvents", { topic: _name, filters, since }, { _on: connection }).then(
      ({ data }) => {
        if (current === connection) sub._takePage(data, false);
      },
      (error: unknown) => {
        if (error === LOST || current !== connection) return;
        sub._isBehind = true;
        retry(topic, error);
      },
    );
  };

  const ownerOf = (topic: Topic): Owner => ({
    // A service of the first release matches by attributes that it does not send.
    _matches: ({ filters, data }) =>
      !host._can("eventFilters") || topic._match(filters, (data ?? {}) as Filters),
    _catchUp: (sub) => catchUp(topic, sub),
    _moved: host._moved,
    _update(sub, filters) {
      if (!topic._subs.has(sub)) return rejected(new DealsError("the subscription has ended"));
      if (topic._subs.size > 1 && filterKey(filters) !== topic._key) return rejected(duplicate(topic._name));
      useFilters(topic, filters);
      if (topic._confirmed !== topic._key) sub._setPending();
      return correct(topic);
    },
    _unsubscribe(sub) {
      if (!topic._subs.delete(sub)) return Promise.resolve();
      sub._end("unsubscribed");
      return topic._subs.size > 0 ? Promise.resolve() : correct(topic);
    },
  });

  const findTopic = (name: string, filters: Filters): Topic => {
    const found = topics.get(name);
    if (found && found._subs.size > 0) {
      if (found._key !== filterKey(filters)) throw duplicate(name);
      return found;
    }
    const topic =
      found ??
      ({
        _name: name,
        _subs: new Set(),
        _failures: 0,
        _retry: timer(() => run(topic)),
        _waiters: [],
      } as unknown as Topic);
    useFilters(topic, filters);
    topics.set(name, topic);
    return topic;
  };

  const self: Topics = {
    _subscribe(name, options) {
      const topic = findTopic(name, options.filters ?? {});
      const sub = createSubscription(runtime, name, options, ownerOf(topic));
      topic._subs.add(sub);
      host._restore(sub);
      onAbort(options.signal, () => void sub.unsubscribe());
      // After the caller has it, since its handlers are called.
      void Promise.resolve().then(() => run(topic));
      return sub;
    },
    _all: () => every().flatMap(({ _subs }) => [..._subs]),
    _areSettled: () => !every().some((topic) => topic._isBusy || isBehind(topic)),
    _use(connection) {
      current = connection;
      pacer._clear();
      for (const topic of every()) {
        topic._isBusy = false;
        topic._retry();
        setPending(topic);
        run(topic);
      }
    },
    _isOn: (connection) => current === connection,
    _compare(known) {
      for (const topic of every()) {
        if (topic._isBusy || !topic._confirmed || known.some((one) => one.topic === topic._name)) continue;
        setPending(topic);
        run(topic);
      }
    },
    _receive(frame) {
      const { topic: name } = frame;
      const names = name === ALL_DEALS || name.startsWith("private.") ? [name] : [name, ALL_DEALS];
      for (const wanted of names)
        for (const sub of [...(topics.get(wanted)?._subs ?? [])]) sub._receive(frame);
    },
    _end(reason, error, name) {
      for (const topic of every()) if (!name || topic._name === name) end(topic, reason, error);
    },
  };
  return self;
}
