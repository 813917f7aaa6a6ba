/** The time and the timers of the client; tests pass their own. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  setTimeout(callback: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  clearTimeout: (timer) => clearTimeout(timer as number),
};

/** No timer runs longer, so that neither sleep nor the limit of 2³¹ ms does harm. */
const LONGEST_MS = 3_600_000;

/** One running timer. */
export interface Timer {
  stop(): void;
}

/** All timers of a client, so that `close()` leaves none behind. */
export class Timers {
  private readonly running = new Set<Timer>();

  constructor(readonly clock: Clock) {}

  get size(): number {
    return this.running.size;
  }

  now(): number {
    return this.clock.now();
  }

  /** Call `fire` after `ms`, with the milliseconds by which the call is late (sleep, a hidden page). */
  start(ms: number, fire: (lateMs: number) => void): Timer {
    const due = this.now() + ms;
    let handle: unknown;

    const arm = (): void => {
      const left = Math.max(0, due - this.now());
      handle = this.clock.setTimeout(left > LONGEST_MS ? arm : run, Math.min(left, LONGEST_MS));
    };
    const run = (): void => {
      this.running.delete(timer);
      fire(Math.max(0, this.now() - due));
    };
    const timer = {
      stop: () => {
        this.running.delete(timer);
        this.clock.clearTimeout(handle);
      },
    };

    this.running.add(timer);
    arm();
    return timer;
  }

  stopAll(): void {
    for (const timer of [...this.running]) timer.stop();
  }
}
