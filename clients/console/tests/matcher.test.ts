import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { coversTopic, holds, wants, type Json, type JsonObject } from "../src/logic/matcher";

interface Case {
  filter: JsonObject;
  filters: JsonObject;
  data: Json;
  matches: boolean;
  wide?: boolean;
}

const path = new URL("../../conformance/filter_cases.json", import.meta.url);
const cases = JSON.parse(readFileSync(path, "utf8")) as Case[];

describe("the service's own table of filters", () => {
  // Whole numbers over 2^53 are not to be had from JSON.parse.
  const exact = cases.filter(({ wide }) => !wide);

  it("has its hundreds of cases", () => expect(exact.length).toBeGreaterThan(200));

  it.each(exact)("$filter on $filters and $data: $matches", ({ filter, filters, data, matches }) => {
    expect(holds(filter, { topic: "t", filters, data })).toBe(matches);
  });
});

describe("topics", () => {
  it.each([
    ["travel", "travel", true],
    ["travel", "travel.flights", false],
    ["all-deals", "travel.flights", true],
    ["all-deals", "private.team", false],
    ["all-deals", "private", false],
    ["all-deals", "privately.owned", true],
    ["private.team", "private.team", true],
  ])("%s covers %s: %s", (wanted, topic, covers) => expect(coversTopic(wanted, topic)).toBe(covers));

  it("must fit beside the filter", () => {
    expect(wants({ topic: "a", filters: {} }, { topic: "b", data: {} })).toBe(false);
  });
});
