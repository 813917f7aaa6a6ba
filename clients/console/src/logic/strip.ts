export type StateName =
  | "idle"
  | "connecting"
  | "live"
  | "waiting"
  | "resuming"
  | "gap"
  | "handing over"
  | "expired"
  | "refused"
  | "closed";

/** A state that the page was in, and why. */
export interface Period {
  state: StateName;
  reason: string;
  /** Epoch milliseconds. */
  from: number;
}

/** A part of the strip: `left` and `width` are shares of it, from 0 to 1. */
export interface Segment extends Period {
  to: number;
  left: number;
  width: number;
}

export const STRIP_MS = 300_000;
const PERIODS_MAX = 500;

/** The periods with one more; the same state with the same reason goes on. */
export function extend(periods: readonly Period[], next: Period): Period[] {
  const last = periods.at(-1);
  if (last?.state === next.state && last.reason === next.reason) return [...periods];
  return [...periods, next].slice(-PERIODS_MAX);
}

/** What of the periods is within the last five minutes, oldest first. */
export function segmentsOf(periods: readonly Period[], now: number): Segment[] {
  const begin = now - STRIP_MS;
  return periods.flatMap((period, index) => {
    const to = periods[index + 1]?.from ?? now;
    const from = Math.max(period.from, begin);
    if (to <= begin || to <= from) return [];
    return [{ ...period, to, left: (from - begin) / STRIP_MS, width: (to - from) / STRIP_MS }];
  });
}
