import type { Runtime } from "./runtime.js";

/** So many handshakes that were refused in a row without a status: the door seems to be closed. */
export const REFUSALS_MAX = 5;
const REFUSED_DELAY_MIN_MS = 10_000;
const REFUSED_DELAY_MAX_MS = 300_000;

/**
 * The milliseconds to wait after so many failures, or refusals without a status, in a row: exponential with full
 * jitter, since a whole account takes 500 handshakes a second.
 */
export function backoffMs(
  { _limits: { backoffBaseMs, backoffCapMs }, _random: random }: Runtime,
  failures: number,
  refusals: number,
): number {
  if (refusals < REFUSALS_MAX)
    return random() * Math.min(backoffCapMs * (failures < 8 ? 1 : 4), backoffBaseMs * 2 ** (failures - 1));
  const cap = Math.min(REFUSED_DELAY_MAX_MS, 2 ** (refusals - REFUSALS_MAX + 1) * REFUSED_DELAY_MIN_MS);
  return REFUSED_DELAY_MIN_MS + random() * (cap - REFUSED_DELAY_MIN_MS);
}
