/** The time and the timers of the client; tests pass their own. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  setTimeout(callback: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
}

const systemClock: Clock = {
  now: () => Date.now(),
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  clearTimeout: (timer) => clearTimeout(timer as number),
};

/** No timer runs longer, so that neither sleep nor the limit of 2³¹ ms does harm. */
const LONGEST_MS = 3_600_000;

/** Called with milliseconds it starts, anew if it runs; without any it stops. */
export interface Timer {
  (ms?: number): void;
  _isOn?: boolean;
}

export interface Timers {
  _now(): number;
  /** A timer that does not run yet. `fire` gets the milliseconds by which it is late (sleep, a hidden page). */
  _timer(fire: (lateMs: number) => void): Timer;
  _stopAll(): void;
}

/** All timers of a client, so that `close()` leaves none behind. */
export function createTimers(clock: Clock = systemClock): Timers {
  const running = new Set<Timer>();
  const now = (): number => clock.now();

  return {
    _now: now,
    _timer(fire) {
      let handle: unknown;
      let due: number;

      const arm = (): void => {
        const left = Math.max(0, due - now());
        handle = clock.setTimeout(left > LONGEST_MS ? arm : run, Math.min(left, LONGEST_MS));
      };
      const stop = (): void => {
        timer._isOn = false;
        running.delete(timer);
      };
      const run = (): void => {
        stop();
        fire(Math.max(0, now() - due));
      };
      const timer: Timer = (ms) => {
        if (timer._isOn) clock.clearTimeout(handle);
        stop();
        if (ms === undefined) return;
        due = now() + ms;
        timer._isOn = true;
        running.add(timer);
        arm();
      };
      return timer;
    },
    _stopAll: () => running.forEach((timer) => timer()),
  };
}
