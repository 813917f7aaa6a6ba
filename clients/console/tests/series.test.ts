import { describe, expect, it } from "vitest";
import { axisTop, percentile, polylines, POINTS, Series } from "../src/logic/latency";
import { extend, segmentsOf, STRIP_MS, type Period } from "../src/logic/strip";

describe("latencies", () => {
  it("are percentiles by the nearest rank", () => {
    const values = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect([percentile(values, 50), percentile(values, 99), percentile([7], 99), percentile([], 50)]).toEqual(
      [50, 99, 7, undefined],
    );
  });

  it("stand in the second in which they came; a second without deals has none", () => {
    const series = new Series();
    series.add(10_100, 40);
    series.add(10_900, 60);
    series.add(12_000, undefined);
    const points = series.points(13_500);
    expect(points).toHaveLength(POINTS);
    expect(points.slice(-3)).toEqual([
      { second: 10, deals: 2, p50: 40, p99: 60 },
      { second: 11, deals: 0, p50: undefined, p99: undefined },
      { second: 12, deals: 1, p50: undefined, p99: undefined },
    ]);
  });

  it("of long ago are let go", () => {
    const series = new Series();
    series.add(0, 1);
    series.add(1_000_000, 2);
    expect(series.points(1_500).at(-1)!.deals).toBe(0);
  });

  it("become lines that break where nothing was measured", () => {
    expect(polylines([0, 5, undefined, 10], 30, 10, 10)).toEqual(["0,10 10,5", "30,0"]);
  });

  it.each([
    [0, 1],
    [3, 5],
    [44, 50],
    [3_200, 5_000],
  ])("up to %i have an axis up to %i", (value, top) => expect(axisTop(value)).toBe(top));
});

describe("the strip of states", () => {
  const periods: Period[] = [
    { state: "connecting", reason: "", from: 0 },
    { state: "live", reason: "", from: 100_000 },
    { state: "waiting", reason: "code 1006", from: 390_000 },
  ];

  it("goes back five minutes", () => {
    const segments = segmentsOf(periods, 400_000);
    expect(segments.map(({ state, left, width }) => [state, left * STRIP_MS, width * STRIP_MS])).toEqual([
      ["live", 0, 290_000],
      ["waiting", 290_000, 10_000],
    ]);
  });

  it("goes on with the same state and reason, and begins another for another reason", () => {
    const same = extend(periods, { state: "waiting", reason: "code 1006", from: 395_000 });
    expect(same).toEqual(periods);
    expect(extend(periods, { state: "waiting", reason: "no network", from: 395_000 })).toHaveLength(4);
  });
});
