import { signal } from "@preact/signals";
import { Ledger, type Counts } from "../logic/ledger";
import { isObject, type JsonObject } from "../logic/matcher";
import { ask, place, tell, type PublishedEvent } from "./cloud";
import { onFrame } from "./connection";
import { markRepeat } from "./deals";
import type { Head } from "../logic/frame_log";

export const ledger = new Ledger();
export const counts = signal<Counts>(ledger.count(0));
export const isFeeding = signal(false);
export const feedRate = signal(4);
export const feedProblem = signal("");

const IDS_MAX = 20_000;
let last: number | undefined;
let offsetMs = 0;
let isAsking = false;
const seen = new Set<string>();

/** Now, by the clock of the feed. */
export function feedTime(): number {
  return Date.now() + offsetMs;
}

/** Start the feed, or change or stop it. */
export async function setFeed(change: { running?: boolean; per_second?: number }): Promise<void> {
  try {
    const feed = await tell<{ running: boolean; per_second: number }>("feed", change);
    isFeeding.value = feed.running;
    feedRate.value = feed.per_second;
    feedProblem.value = "";
  } catch (error) {
    feedProblem.value = error instanceof Error ? error.message : String(error);
  }
}

export async function readFeed(): Promise<void> {
  const feed = await ask<{ running: boolean; per_second: number }>("feed");
  isFeeding.value = feed.running;
  feedRate.value = feed.per_second;
}

/** Ask what was published since the last time. */
export async function readPublished(): Promise<void> {
  if (!place.peek()?.isLocal || isAsking) return;
  isAsking = true;
  try {
    for (let more = true; more;) {
      const sentAt = Date.now();
      const page = await ask<{ events: PublishedEvent[]; last: number; at_ms?: number }>(
        `feed/published?after=${last ?? 0}`,
      );
      if (page.at_ms !== undefined && Date.now() - sentAt < 200)
        offsetMs = Math.round(page.at_ms - (sentAt + Date.now()) / 2);
      more = page.events.length >= 1_000;
      last = page.events.at(-1)?.number ?? page.last;
      for (const event of page.events) if (event.accepted) ledger.publish(toFeedEvent(event));
    }
    feedProblem.value = "";
  } catch (error) {
    feedProblem.value = error instanceof Error ? error.message : String(error);
  } finally {
    isAsking = false;
  }
}

function toFeedEvent({ number, event_id, topic, filters, data, published_at_ms }: PublishedEvent) {
  return { number, eventId: event_id, topic, filters, data, publishedAtMs: published_at_ms };
}

/** Every event that is on the wire a second time is a repeat, whether the client or the page drops it. */
onFrame((head, direction) => {
  if (direction === "got") look(head);
});

function look(head: Head & { eventId?: unknown; position?: unknown }): void {
  if (typeof head.position === "number" && typeof head.eventId === "string") return lookAtEvent(head.eventId);
  if (!isObject(head.data)) return;
  const { frames, events } = head.data;
  const isPicture =
    head.type === "subscriptionConfirmed" && (head.data as JsonObject).recovered === undefined;
  if (Array.isArray(frames)) frames.forEach((frame) => isObject(frame) && look(frame));
  if (Array.isArray(events) && !isPicture) events.forEach((event) => isObject(event) && look(event));
}

function lookAtEvent(eventId: string): void {
  if (!seen.has(eventId)) {
    seen.add(eventId);
    if (seen.size > IDS_MAX) seen.delete(seen.values().next().value!);
    return;
  }
  ledger.repeat();
  markRepeat(eventId);
}
