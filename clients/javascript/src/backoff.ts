import type { Runtime } from "./runtime.js";

const REFUSALS_MAX = 5;
const REFUSED_DELAY_MIN_MS = 10_000;
const REFUSED_DELAY_MAX_MS = 300_000;

export interface Backoff {
  /** Count a refusal without a status; returns whether so many came in a row that the door seems to be closed. */
  _refused(): boolean;
  /** A handshake had another outcome than a refusal without a status. */
  _opened(): void;
  /** A connection was stable: the next failure is the first one. */
  _reset(): void;
  /** The milliseconds to wait before the next attempt. */
  _delayMs(): number;
}

/** Delays between attempts: exponential with full jitter, since a whole account takes 500 handshakes a second. */
export function createBackoff({ _limits: limits, _random: random }: Runtime): Backoff {
  let failures = 0;
  let refusals = 0;

  return {
    _refused: () => (refusals += 1) >= REFUSALS_MAX,
    _opened: () => void (refusals = 0),
    _reset: () => void (failures = 0),
    _delayMs() {
      if (refusals >= REFUSALS_MAX) {
        const cap = Math.min(REFUSED_DELAY_MAX_MS, 2 ** (refusals - REFUSALS_MAX + 1) * REFUSED_DELAY_MIN_MS);
        return REFUSED_DELAY_MIN_MS + random() * (cap - REFUSED_DELAY_MIN_MS);
      }
      failures += 1;
      const cap = limits.backoffCapMs * (failures < 8 ? 1 : 4);
      return random() * Math.min(cap, limits.backoffBaseMs * 2 ** (failures - 1));
    },
  };
}
