import { batch, signal } from "@preact/signals";
import type { DealEvent } from "deals-client";
import { Series } from "../logic/latency";
import { densityAt } from "../logic/grouping";
import type { JsonObject } from "../logic/matcher";

export interface Card {
  key: string;
  eventId: string;
  topic: string;
  position: number;
  data: JsonObject;
  source: DealEvent["source"];
  at: number;
  latencyMs: number | undefined;
  /** How often it came again. */
  repeats: number;
}

const CARDS_MAX = 500;

/** What the screen shows: drawn from the buffer ten times a second, never for each frame. */
export const cards = signal<readonly Card[]>([]);
export const isPaused = signal(false);
/** Whether the reader is in the list: then nothing moves. */
export const isHeld = signal(false);
/** How many came that are not drawn yet. */
export const waiting = signal(0);
export const total = signal(0);
/** How many of all are not on the page any more. */
export const gone = signal(0);
export const perSecond = signal(0);
export const density = signal(densityAt(0));
export const gaps = signal<readonly { id: number; text: string; position: number }[]>([]);

export const series = new Series();

let buffer: Card[] = [];
let held = 0;
let came = 0;
let gapNumber = 0;
const byId = new Map<string, Card>();
let recentTimes: number[] = [];

/** Take an event; the screen follows at the next drawing. */
export function take(event: DealEvent, at: number, latencyMs: number | undefined): void {
  came += 1;
  recentTimes.push(at);
  if (event.source !== "recent") series.add(at, event.source === "live" ? latencyMs : undefined);
  held += 1;
  if (event.source === "live" && came % density.peek().oneIn !== 0) return;
  const data = typeof event.data === "object" && event.data !== null ? (event.data as JsonObject) : {};
  const { eventId, topic, position, source } = event;
  const card = {
    key: `${eventId}/${came}`,
    eventId,
    topic,
    position,
    data,
    source,
    at,
    latencyMs: source === "recent" ? undefined : latencyMs,
    repeats: 0,
  };
  byId.set(eventId, card);
  buffer.push(card);
  if (buffer.length <= CARDS_MAX) return;
  const oldest = buffer.shift()!;
  if (byId.get(oldest.eventId) === oldest) byId.delete(oldest.eventId);
}

/** An event that is on the page came once more. */
export function markRepeat(eventId: string): void {
  const card = byId.get(eventId);
  if (!card) return;
  const marked = { ...card, repeats: card.repeats + 1 };
  byId.set(eventId, marked);
  buffer = buffer.map((one) => (one === card ? marked : one));
  if (cards.peek().includes(card)) cards.value = cards.peek().map((one) => (one === card ? marked : one));
}

/** Draw what came, unless the reader holds the list. */
export function draw(now: number, force = false): void {
  recentTimes = recentTimes.filter((time) => time > now - 2_000);
  batch(() => {
    perSecond.value = Math.round(recentTimes.length / 2);
    total.value = came;
    if (!force && (isPaused.peek() || isHeld.peek())) {
      waiting.value = held;
      return;
    }
    held = 0;
    waiting.value = 0;
    const next = densityAt(perSecond.value);
    if (next.mode !== density.peek().mode || next.oneIn !== density.peek().oneIn) density.value = next;
    if (buffer.length === 0) return;
    const kept = [...buffer.reverse(), ...cards.peek()].slice(0, CARDS_MAX);
    buffer = [];
    cards.value = kept;
    gone.value = came - kept.length;
    if (byId.size > 2 * CARDS_MAX) {
      const keptIds = new Set(kept.map(({ eventId }) => eventId));
      for (const id of byId.keys()) if (!keptIds.has(id)) byId.delete(id);
    }
  });
}

export function addGap(text: string): void {
  gapNumber += 1;
  const position = Math.max(
    0,
    ...cards.peek().map((card) => card.position),
    ...buffer.map((card) => card.position),
  );
  gaps.value = [...gaps.value, { id: gapNumber, text, position }];
}

export function dismissGap(id: number): void {
  gaps.value = gaps.value.filter((gap) => gap.id !== id);
}
