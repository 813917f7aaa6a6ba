import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readLink, writeLink } from "../src/logic/deep_link";
import { newNode, readScalar, toFilters, toRows } from "../src/logic/filter_model";
import { holds, wants, type JsonObject } from "../src/logic/matcher";
import { exampleOf, writeSnippet } from "../src/logic/snippets";
import { densityAt, groupByTopic } from "../src/logic/grouping";

const path = new URL("../../conformance/filter_cases.json", import.meta.url);
const filters = (JSON.parse(readFileSync(path, "utf8")) as { filter: JsonObject }[]).map(
  ({ filter }) => filter,
);

describe("form and JSON", () => {
  it.each(filters)("are two views of %j", (filter) => {
    const { filters: again, problems } = toFilters(toRows(filter));
    expect(again).toEqual(filter);
    expect(problems.size).toBe(0);
  });

  it.each([
    ["travel", "travel"],
    ["10", 10],
    ['"10"', "10"],
    ["true", true],
    ['"a, b"', "a, b"],
    ["007", "007"],
    ["-1.5e3", -1500],
  ])("read %s as typed", (typed, value) => expect(readScalar(typed)).toBe(value));

  it("keep commas within quotes", () => {
    const row = { attribute: "x", node: newNode("oneOf", 'a, "b, c", 3') };
    expect(toFilters([row]).filters).toEqual({ x: ["a", "b, c", 3] });
  });

  it("tell a problem at its place, as the service does", () => {
    const rows = [
      { attribute: "price", node: newNode("lte", "cheap") },
      { attribute: "", node: newNode("is", "1") },
      { attribute: "x", node: { ...newNode("anyOf"), parts: [newNode("gt", "")] } },
    ];
    expect([...toFilters(rows).problems.keys()]).toEqual([
      "filters.price.lte",
      "filters.",
      "filters.x.anyOf[0].gt",
    ]);
  });

  it.each([{ x: null }, { x: { bogus: 1 } }, { x: {} }, { x: { not: { gt: 1, prefix: "a" } } }])(
    "refuse %j and name its place",
    (filter) => expect(() => toRows(filter as JsonObject)).toThrow("filters.x"),
  );
});

describe("a link", () => {
  it.each(filters)("brings %j back", (filter) => {
    const wish = { topic: "travel.flights", filters: filter };
    expect(readLink(writeLink(wish, "feed-1-000001", "json"))).toEqual({
      wish,
      event: "feed-1-000001",
      view: "json",
      problems: [],
    });
  });

  it.each([
    ["#topic=Über", "topic"],
    ["#topic=a..b", "topic"],
    ["#filters=[1]", "filters"],
    ["#filters={", "filters"],
    ["#topic=a&view=x", "view"],
  ])("%s is not applied, and says why", (hash, field) => {
    const link = readLink(hash);
    expect(link.problems[0]).toContain(`${field}:`);
    if (field !== "view") expect(link.wish).toBeUndefined();
  });

  it("holds neither token nor server", () => {
    expect(readLink("#url=wss://evil.example&token=abc&topic=a")).toEqual({
      wish: { topic: "a", filters: {} },
      event: undefined,
      view: "form",
      problems: [],
    });
  });
});

describe("code to copy", () => {
  const wish = { topic: "travel.flights", filters: { title: 'L\'été "now" $HOME `id` \u202e' } };

  it("has the wish quoted for its language, and no token", () => {
    expect(writeSnippet("wscat", wish)).toContain(`"L'\\''\\u00e9t\\u00e9 \\"now\\" $HOME \`id\` \\u202e"`);
    for (const language of ["javascript", "python", "wscat", "aws"] as const) {
      const text = writeSnippet(language, wish);
      expect(text).not.toMatch(/\{\{|undefined/);
      expect(text).toMatch(/^[\x20-\x7e\n]*$/);
    }
  });

  it("publishes an event that the wish wants", () => {
    const wanted = {
      topic: "all-deals",
      filters: {
        category: ["travel", "home"],
        maxPrice: 400,
        discount: { gt: 5, lt: 6 },
        title: { prefix: "O" },
      },
    };
    const example = exampleOf(wanted);
    expect(wants(wanted, { topic: "t", data: example.data! })).toBe(true);
    expect(
      holds(
        { y: { exists: false } },
        { topic: "t", data: exampleOf({ topic: "t", filters: { y: { exists: false } } }).data! },
      ),
    ).toBe(true);
  });
});

describe("a list at a high rate", () => {
  it.each([
    [10, { mode: "cards", oneIn: 1 }],
    [21, { mode: "lines", oneIn: 1 }],
    [101, { mode: "lines", oneIn: 2 }],
    [1_000, { mode: "lines", oneIn: 10 }],
  ])("of %i a second", (rate, density) => expect(densityAt(rate)).toEqual(density));

  it("folds neighbours of one topic", () => {
    const groups = groupByTopic([{ topic: "a" }, { topic: "a" }, { topic: "b" }, { topic: "a" }]);
    expect(groups.map(({ topic, items }) => [topic, items.length])).toEqual([
      ["a", 2],
      ["b", 1],
      ["a", 1],
    ]);
  });
});
