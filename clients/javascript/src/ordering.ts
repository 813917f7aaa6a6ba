import type { Runtime } from "./runtime.js";
import type { DealEvent } from "./types.js";

const HOLD_MS = 500;

export interface Ordering {
  _add(event: DealEvent): void;
  /** Hand out what was held until then, and what belongs before it. */
  _flush(until: number): void;
}

/** Holds each event for a moment, and hands events out by position; marks those that come too late for it. */
export function createOrdering(
  { _now: now, _timer: timer }: Runtime,
  handOut: (event: DealEvent) => void,
): Ordering {
  const held: [event: DealEvent, due: number][] = [];
  let highest = -Infinity;
  const hold = timer(() => flush(now()));

  const flush = (until: number): void => {
    const count = held.reduce((most, [, due], index) => (due <= until ? index + 1 : most), 0);
    for (const [event] of held.splice(0, count)) {
      if (event.position < highest) event.late = true;
      highest = Math.max(highest, event.position);
      handOut(event);
    }
    hold(held.length > 0 ? held.reduce((next, [, due]) => Math.min(next, due), Infinity) - until : undefined);
  };
  return {
    _add(event) {
      let at = held.length;
      while (at > 0 && held[at - 1]![0].position > event.position) at -= 1;
      held.splice(at, 0, [event, now() + HOLD_MS]);
      if (!hold._isOn) hold(HOLD_MS);
    },
    _flush: flush,
  };
}
