import { wants, type Published, type Wish } from "./matcher";

/** An event as the feed says that it was published. Times are epoch milliseconds of the feed's clock. */
export interface FeedEvent extends Published {
  number: number;
  eventId: string;
  publishedAtMs: number;
}

/** The one true sentence, in numbers. */
export interface Counts {
  expected: number;
  came: number;
  onTheWay: number;
  lost: number;
  /** Came, though no wish in force wanted it. */
  unwanted: number;
  repeats: number;
  /** Milliseconds from publishing to the page; undefined before the first. */
  slowestMs: number | undefined;
}

interface Term {
  wish: Wish;
  from: number;
  to: number;
}

interface Entry {
  event: FeedEvent;
  /** Wanted by a wish that was in force when it was published, without doubt. */
  expected: boolean;
  outcome?: "came" | "lost";
}

/** After so long with a whole connection, an event that has not come is lost. */
export const LOST_AFTER_MS = 90_000;
/** The two clocks, and a subscription that is being written, agree to within this. */
const SLACK_MS = 300;
const KEPT = 20_000;

/**
 * Compares what the feed published with what came to the page. It knows the wishes and since when each is in
 * force, and matches by itself; it never asks the service. What was published while a wish changed counts only
 * if it came, since either is right then.
 */
export class Ledger {
  private terms: Term[] = [];
  private entries = new Map<string, Entry>();
  private arrivals = new Map<string, number>();
  private counts = { expected: 0, came: 0, lost: 0, unwanted: 0, repeats: 0, slowestMs: -1 };
  private wholeSince: number | undefined;

  /** A wish is in force from now on. A wish of the same topic ends. */
  begin(wish: Wish, now: number): void {
    this.end(wish.topic, now);
    this.terms.push({ wish, from: now + SLACK_MS, to: Infinity });
  }

  /** A wish is about to change or end. */
  end(topic: string, now: number): void {
    for (const term of this.terms)
      if (term.wish.topic === topic && term.to === Infinity) term.to = now - SLACK_MS;
    const oldest = now - 2 * LOST_AFTER_MS;
    this.terms = this.terms.filter(({ to }) => to > oldest);
  }

  /** Since when the connection is open and has caught up; undefined while it is not. */
  setWhole(since: number | undefined): void {
    this.wholeSince = since;
  }

  /** The feed has published an event, and the service has accepted it. */
  publish(event: FeedEvent): void {
    if (this.entries.has(event.eventId)) return;
    const expected = this.terms.some((term) => isIn(term, event) && wants(term.wish, event));
    const entry: Entry = { event, expected };
    this.entries.set(event.eventId, entry);
    if (expected) this.counts.expected += 1;
    const at = this.arrivals.get(event.eventId);
    if (at !== undefined) this.settle(entry, at);
    this.forget();
  }

  /** An event has come to a subscription, for the first time. */
  arrive(eventId: string, at: number): void {
    if (this.arrivals.has(eventId)) return;
    this.arrivals.set(eventId, at);
    if (this.arrivals.size > KEPT) this.arrivals.delete(this.arrivals.keys().next().value!);
    const entry = this.entries.get(eventId);
    if (entry && entry.outcome !== "came") this.settle(entry, at);
  }

  repeat(): void {
    this.counts.repeats += 1;
  }

  /** The numbers of the sentence now; events that have not come for too long become lost. */
  count(now: number): Counts {
    let onTheWay = 0;
    for (const entry of this.entries.values()) {
      if (entry.outcome || !entry.expected) continue;
      const waitedSince = Math.max(entry.event.publishedAtMs, this.wholeSince ?? now);
      if (now - waitedSince < LOST_AFTER_MS) {
        onTheWay += 1;
        continue;
      }
      entry.outcome = "lost";
      this.counts.lost += 1;
    }
    const { slowestMs, ...counts } = this.counts;
    return { ...counts, onTheWay, slowestMs: slowestMs < 0 ? undefined : slowestMs };
  }

  private settle(entry: Entry, at: number): void {
    const { counts } = this;
    if (entry.outcome === "lost")
      counts.lost -= 1; // it came after all
    else if (!entry.expected) {
      if (!this.mayBeWanted(entry.event)) counts.unwanted += 1;
      counts.expected += 1;
    }
    entry.outcome = "came";
    entry.expected = true;
    counts.came += 1;
    counts.slowestMs = Math.max(counts.slowestMs, at - entry.event.publishedAtMs, 0);
  }

  /** Whether any wish of late wants it, whenever it was in force. */
  private mayBeWanted(event: FeedEvent): boolean {
    return this.terms.some(({ wish }) => wants(wish, event));
  }

  private forget(): void {
    if (this.entries.size <= KEPT) return;
    for (const [id, entry] of this.entries) {
      if (this.entries.size <= KEPT / 2) break;
      if (entry.expected && !entry.outcome) continue;
      this.entries.delete(id);
    }
  }
}

function isIn(term: Term, event: FeedEvent): boolean {
  return event.publishedAtMs >= term.from && event.publishedAtMs < term.to;
}
