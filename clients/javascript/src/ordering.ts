import type { Timer, Timers } from "./clock.js";
import type { DealEvent } from "./types.js";

const HOLD_MS = 500;

/** Holds each event for a moment, and hands events out by position; marks those that come too late for it. */
export class Ordering {
  private held: { event: DealEvent; due: number }[] = [];
  private highest = -Infinity;
  private timer: Timer | undefined;

  constructor(
    private readonly timers: Timers,
    private readonly handOut: (event: DealEvent) => void,
  ) {}

  add(event: DealEvent): void {
    const entry = { event, due: this.timers.now() + HOLD_MS };
    let at = this.held.length;
    while (at > 0 && this.held[at - 1]!.event.position > event.position) at -= 1;
    this.held.splice(at, 0, entry);
    this.timer ??= this.timers.start(HOLD_MS, () => this.flush(this.timers.now()));
  }

  /** Hand out what was held until `now`, and what belongs before it. */
  flush(now: number): void {
    this.timer?.stop();
    this.timer = undefined;
    const count = this.held.reduce((most, entry, index) => (entry.due <= now ? index + 1 : most), 0);
    for (const { event } of this.held.splice(0, count)) {
      if (event.position < this.highest) event.late = true;
      this.highest = Math.max(this.highest, event.position);
      this.handOut(event);
    }
    if (this.held.length === 0) return;
    const next = Math.min(...this.held.map((entry) => entry.due));
    this.timer = this.timers.start(next - now, () => this.flush(this.timers.now()));
  }

  stop(): void {
    this.timer?.stop();
    this.held = [];
  }
}
