import { batch, effect, signal } from "@preact/signals";
import {
  ValidationError,
  type DealEvent,
  type DealsClient,
  type Filters,
  type Subscription,
} from "deals-client";
import { readLink, writeLink, type View } from "../logic/deep_link";
import { toFilters, toRows, type Row } from "../logic/filter_model";
import { ALL, isObject, type JsonObject, type Wish } from "../logic/matcher";
import { catchingUp, currentClient, onClient } from "./connection";
import { addGap, take } from "./deals";
import { feedTime, ledger } from "./feed";

/** A subscription of the page, over all of its connections. */
export interface Wanted extends Wish {
  state: string;
  since: number;
  came: number;
}

export const wanted = signal<readonly Wanted[]>([]);
export const draftTopic = signal(ALL);
export const draftRows = signal<readonly Row[]>([]);
export const draftText = signal("{}");
export const textProblem = signal("");
/** Problems by their path, such as `filters.price.lte`; those of the service as well. */
export const problems = signal<ReadonlyMap<string, string>>(new Map());
export const view = signal<View>("form");
export const openEvent = signal<string | undefined>(undefined);
export const said = signal("");
export const linkProblems = signal<readonly string[]>([]);

const FIRST: Wish = { topic: ALL, filters: { category: ["travel", "electronics"], price: { lte: 400 } } };
const RECENT = 20;
const subscriptions = new Map<string, Subscription>();
let isRestoring = false;

export function draftFilters(): JsonObject | undefined {
  if (textProblem.peek()) return undefined;
  return toFilters(draftRows.peek()).filters;
}

export function setDraft({ topic, filters }: Wish): void {
  batch(() => {
    draftTopic.value = topic;
    setText(JSON.stringify(filters, null, 2));
  });
}

/** The form has changed: the JSON follows. */
export function setRows(rows: readonly Row[]): void {
  const written = toFilters(rows);
  batch(() => {
    draftRows.value = rows;
    problems.value = written.problems;
    draftText.value = JSON.stringify(written.filters, null, 2);
    textProblem.value = "";
  });
}

/** The JSON has changed: the form follows, as soon as it is a filter. */
export function setText(text: string): void {
  batch(() => {
    draftText.value = text;
    problems.value = new Map();
    try {
      const filters: unknown = JSON.parse(text);
      if (!isObject(filters))
        throw new Error("filters: must be an object that maps attributes to conditions");
      draftRows.value = toRows(filters);
      textProblem.value = "";
    } catch (error) {
      textProblem.value = error instanceof Error ? error.message : String(error);
    }
  });
}

/** Subscribe by the draft; a subscription to the same topic is replaced. */
export async function apply(): Promise<void> {
  const filters = draftFilters();
  if (!filters || problems.peek().size > 0) return;
  const wish = { topic: draftTopic.peek().trim() || ALL, filters };
  const isReplaced = subscriptions.has(wish.topic);
  said.value = "asking the service …";
  try {
    await subscribe(wish);
    said.value = isReplaced
      ? `The subscription to ${wish.topic} is replaced.`
      : `Subscribed to ${wish.topic}.`;
    if (!isRestoring) history.pushState(null, "", writeLink(wish, openEvent.peek(), view.peek()));
  } catch (error) {
    said.value = error instanceof Error ? error.message : String(error);
    if (error instanceof ValidationError)
      problems.value = new Map(
        error.problems.map(({ field, problem }) => [field.replace(/^data\./, ""), problem]),
      );
  }
}

async function subscribe(wish: Wish, options: { since?: number } = {}): Promise<void> {
  const client = currentClient();
  if (!client) return;
  const old = subscriptions.get(wish.topic);
  ledger.end(wish.topic, feedTime());
  if (old && options.since === undefined) {
    const before = wanted.peek().find(({ topic }) => topic === wish.topic);
    try {
      await old.update({ filters: wish.filters as Filters });
    } catch (error) {
      if (before) ledger.begin(before, feedTime());
      throw error;
    }
    change(wish.topic, { ...wish, since: Date.now(), came: 0 });
    ledger.begin(wish, feedTime());
    return;
  }
  await old?.unsubscribe();
  await open(client, wish, options);
}

function open(client: DealsClient, wish: Wish, options: { since?: number } = {}): Promise<void> {
  const { topic, filters } = wish;
  const subscription: Subscription = client.subscribe<unknown>(topic, {
    filters: filters as Filters,
    recent: RECENT,
    ...options,
    onEvent: (event) => receive(topic, event),
    onGap: ({ reason }) =>
      addGap(
        reason === "history"
          ? "The history does not reach back that far: here something may be missing."
          : "Too much was missed to catch up on: here something may be missing.",
      ),
    onState: ({ state, reason }) => {
      if (subscriptions.get(topic) === subscription) moved(topic, state, reason);
    },
  });
  subscriptions.set(topic, subscription);
  const others = wanted.peek().filter((one) => one.topic !== topic);
  wanted.value = [...others, { ...wish, state: "pending", since: Date.now(), came: 0 }];
  watch();
  return subscription.ready.then(() => ledger.begin(wish, feedTime()));
}

function receive(topic: string, event: DealEvent): void {
  const now = Date.now();
  const publishedAt = (event.data as { publishedAt?: unknown } | null)?.publishedAt;
  const latency = typeof publishedAt === "number" ? Math.max(0, feedTime() - publishedAt) : undefined;
  take(event, now, latency);
  if (event.source !== "recent") ledger.arrive(event.eventId, feedTime());
  if (event.source === "replay")
    catchingUp.value = { ...catchingUp.peek(), replayed: catchingUp.peek().replayed + 1 };
  change(topic, { came: (wanted.peek().find((one) => one.topic === topic)?.came ?? 0) + 1 });
}

function moved(topic: string, state: string, reason?: string): void {
  change(topic, { state: reason ? `${state}: ${reason}` : state });
  if (state === "ended") {
    subscriptions.delete(topic);
    ledger.end(topic, feedTime());
  }
  watch();
}

/** Look which subscriptions are behind. */
function watch(): void {
  const behind = [...subscriptions.values()].filter(({ state }) => state !== "live" && state !== "ended");
  const wasWhole = catchingUp.peek().pending === 0;
  catchingUp.value = {
    pending: behind.length,
    since: behind[0]?.position,
    replayed: wasWhole ? 0 : catchingUp.peek().replayed,
  };
  ledger.setWhole(behind.length > 0 ? undefined : feedTime());
}

/** End a subscription. */
export async function unsubscribe(topic: string): Promise<void> {
  ledger.end(topic, feedTime());
  const subscription = subscriptions.get(topic);
  subscriptions.delete(topic);
  wanted.value = wanted.peek().filter((one) => one.topic !== topic);
  await subscription?.unsubscribe().catch(() => {});
  watch();
}

/** Subscribe again from the first position there ever was, which the history does not reach. */
export async function askForLostHistory(): Promise<void> {
  const first = wanted.peek()[0];
  if (first) await subscribe(first, { since: 1 });
}

function change(topic: string, fields: Partial<Wanted>): void {
  wanted.value = wanted.peek().map((one) => (one.topic === topic ? { ...one, ...fields } : one));
}

/** Take what the URL says, at the start and when the reader goes back. */
export function followLink(isFirst: boolean): void {
  const link = readLink(location.hash);
  linkProblems.value = link.problems;
  view.value = link.view;
  openEvent.value = link.event;
  if (link.wish || isFirst) setDraft(link.wish ?? FIRST);
  if (isFirst) effect(keepLink);
  if (isFirst || !link.wish) return;
  isRestoring = true;
  void apply().finally(() => (isRestoring = false));
}

/** A new client takes over the subscriptions of the one before, from where they were. */
onClient((client) => {
  const before = [...wanted.peek()];
  const positions = new Map([...subscriptions].map(([topic, { position }]) => [topic, position]));
  subscriptions.clear();
  if (before.length === 0) {
    const filters = draftFilters();
    if (filters) before.push({ topic: draftTopic.peek(), filters, state: "", since: 0, came: 0 });
  }
  for (const wish of before) {
    const since = positions.get(wish.topic);
    open(client, wish, since === undefined ? {} : { since }).catch(() => {});
  }
});

/** Write into the link which event is open, and by which view the filter is shown. */
function keepLink(): void {
  const event = openEvent.value;
  const shown = view.value;
  const current = readLink(location.hash);
  if (!isRestoring && current.wish && (current.event !== event || current.view !== shown))
    history.replaceState(null, "", writeLink(current.wish, event, shown));
}
