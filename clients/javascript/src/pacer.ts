import type { Timer, Timers } from "./clock.js";

/** A user's default limit for subscriptions over all tabs: what is left of its burst, then so many a second. */
const BURST = 50;
const EVERY_MS = 500;

/** Lets through what the service's limit allows, in order. */
export class Pacer {
  private tokens = BURST;
  private filledAt: number;
  private waiting: (() => void)[] = [];
  private timer: Timer | undefined;

  constructor(private readonly timers: Timers) {
    this.filledAt = timers.now();
  }

  take(send: () => void): void {
    this.waiting.push(send);
    if (!this.timer) this.flush();
  }

  /** Forget what waits. */
  clear(): void {
    this.waiting = [];
    this.timer?.stop();
    this.timer = undefined;
  }

  private flush(): void {
    this.timer = undefined;
    const now = this.timers.now();
    this.tokens = Math.min(BURST, this.tokens + (now - this.filledAt) / EVERY_MS);
    this.filledAt = now;
    while (this.tokens >= 1 && this.waiting.length > 0) {
      this.tokens -= 1;
      this.waiting.shift()!();
    }
    if (this.waiting.length > 0)
      this.timer = this.timers.start((1 - this.tokens) * EVERY_MS, () => this.flush());
  }
}
