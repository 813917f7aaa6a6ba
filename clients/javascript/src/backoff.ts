import type { Settings } from "./options.js";

const LATER_FACTOR = 4;
const LATER_FROM = 8;
const REFUSALS_MAX = 5;
const REFUSED_DELAY_MIN_MS = 10_000;
const REFUSED_DELAY_MAX_MS = 300_000;

/** Delays between attempts: exponential with full jitter, since a whole account takes 500 handshakes a second. */
export class Backoff {
  private failures = 0;
  private refusals = 0;

  constructor(private readonly settings: Settings) {}

  /** Whether so many handshakes in a row were refused without a status that the door seems to be closed. */
  get isRefused(): boolean {
    return this.refusals >= REFUSALS_MAX;
  }

  /** Count a refusal without a status, or with `reset` another outcome of a handshake. */
  countRefusal(reset: boolean): void {
    this.refusals = reset ? 0 : this.refusals + 1;
  }

  /** The milliseconds to wait before the next attempt. */
  nextDelayMs(): number {
    const { limits, random } = this.settings;
    if (this.isRefused) {
      const cap = Math.min(
        REFUSED_DELAY_MAX_MS,
        2 * REFUSED_DELAY_MIN_MS * 2 ** (this.refusals - REFUSALS_MAX),
      );
      return REFUSED_DELAY_MIN_MS + random() * (cap - REFUSED_DELAY_MIN_MS);
    }
    this.failures += 1;
    const cap = limits.backoffCapMs * (this.failures >= LATER_FROM ? LATER_FACTOR : 1);
    return random() * Math.min(cap, limits.backoffBaseMs * 2 ** (this.failures - 1));
  }

  /** A connection was stable: the next failure is the first one. */
  reset(): void {
    this.failures = 0;
  }
}
