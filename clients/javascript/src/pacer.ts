import type { Runtime } from "./runtime.js";

/** A user's default limit for subscriptions over all tabs: what is left of its burst, then so many a second. */
const BURST = 50;
const EVERY_MS = 500;

export interface Pacer {
  /** Call `send` when the limit allows, in order. */
  _take(send: () => void): void;
  /** Forget what waits. */
  _clear(): void;
}

/** Lets through what the service's limit allows. */
export function createPacer({ _now: now, _timer: timer }: Runtime): Pacer {
  let tokens = BURST;
  let filledAt = now();
  let waiting: (() => void)[] = [];

  const flush = (): void => {
    tokens = Math.min(BURST, tokens + (now() - filledAt) / EVERY_MS);
    filledAt = now();
    while (tokens >= 1 && waiting.length > 0) {
      tokens -= 1;
      waiting.shift()!();
    }
    pause(waiting.length > 0 ? (1 - tokens) * EVERY_MS : undefined);
  };
  const pause = timer(flush);

  return {
    _take(send) {
      waiting.push(send);
      if (!pause._isOn) flush();
    },
    _clear() {
      waiting = [];
      pause();
    },
  };
}
