/** One second of the charts. */
export interface Point {
  /** Epoch seconds. */
  second: number;
  deals: number;
  p50: number | undefined;
  p99: number | undefined;
}

export const POINTS = 120;
const SAMPLES_MAX = 500;

/** Latencies and counts by the second, for the last two minutes. */
export class Series {
  private seconds = new Map<number, { deals: number; latencies: number[] }>();

  /** An event came; its latency in milliseconds is undefined where it does not say when it was published. */
  add(at: number, latencyMs: number | undefined): void {
    const second = Math.floor(at / 1000);
    let slot = this.seconds.get(second);
    if (!slot) {
      this.seconds.set(second, (slot = { deals: 0, latencies: [] }));
      for (const old of this.seconds.keys()) if (old < second - POINTS) this.seconds.delete(old);
    }
    slot.deals += 1;
    if (latencyMs !== undefined && slot.latencies.length < SAMPLES_MAX) slot.latencies.push(latencyMs);
  }

  /** One point for each whole second before now, oldest first; as far back as `POINTS`. */
  points(now: number): Point[] {
    const end = Math.floor(now / 1000);
    return Array.from({ length: POINTS }, (_, index) => {
      const second = end - POINTS + index;
      const { deals, latencies } = this.seconds.get(second) ?? { deals: 0, latencies: [] };
      return { second, deals, p50: percentile(latencies, 50), p99: percentile(latencies, 99) };
    });
  }
}

/** The nearest-rank percentile; undefined of nothing. */
export function percentile(values: readonly number[], percent: number): number | undefined {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)];
}

/** The points of an SVG polyline in a box, one string for each row of neighbours; gaps stay gaps. */
export function polylines(
  values: readonly (number | undefined)[],
  width: number,
  height: number,
  top: number,
): string[] {
  const lines: string[][] = [[]];
  const step = width / Math.max(1, values.length - 1);
  values.forEach((value, index) => {
    if (value === undefined) {
      if (lines.at(-1)!.length > 0) lines.push([]);
      return;
    }
    const y = height - (Math.min(value, top) / top) * height;
    lines.at(-1)!.push(`${round(index * step)},${round(y)}`);
  });
  return lines.filter((line) => line.length > 0).map((line) => line.join(" "));
}

/** A number of 1, 2 or 5 times a power of ten that is not below a value: the top of an axis. */
export function axisTop(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 5, 10].map((step) => step * power).find((top) => top >= value) ?? 10 * power;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
