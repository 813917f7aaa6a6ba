import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { compileFilter, filterKey } from "../src/match.js";

interface Row {
  filter: Record<string, unknown>;
  filters: Record<string, unknown>;
  data: Record<string, unknown>;
  matches: boolean;
  wide?: boolean;
}

const rows = JSON.parse(
  readFileSync(new URL("../../conformance/filter_cases.json", import.meta.url), "utf8"),
) as Row[];

test("filters match exactly the events of the service's own table", () => {
  // Rows with `wide` hold whole numbers over 2⁵³, which JSON.parse rounds.
  const checked = rows.filter(({ wide }) => !wide);
  expect(checked.length).toBeGreaterThan(100);
  const wrong = checked.filter(
    ({ filter, filters, data, matches }) => compileFilter(filter)(filters, data) !== matches,
  );
  expect(wrong).toEqual([]);
});

test("an attribute that only the prototype has is absent", () => {
  expect(compileFilter({ constructor: { exists: true } })({}, {})).toBe(false);
});

test("a name that all objects inherit is no operator", () => {
  for (const name of ["constructor", "toString", "hasOwnProperty", "__proto__"]) {
    const filter = JSON.parse(`{"price": {"${name}": 1}}`) as Record<string, unknown>;
    expect(compileFilter(filter)({}, { price: 1 })).toBe(false);
  }
});

test("an event's data with __proto__ changes no object and matches as it is written", () => {
  const data = JSON.parse(
    '{"__proto__": {"price": 1}, "constructor": {"prototype": {"price": 1}}}',
  ) as object;
  expect(compileFilter({ price: 1 })({}, data as Record<string, unknown>)).toBe(false);
  expect(({} as Record<string, unknown>)["price"]).toBe(undefined);
  expect(filterKey(JSON.parse('{"__proto__": {"a": 1}}'))).toBe('{"__proto__":{"a":1}}');
});

test("filters that mean the same have the same key", () => {
  expect(filterKey({ b: 1, a: { lt: 2, gte: 1 } })).toBe(filterKey({ a: { gte: 1, lt: 2 }, b: 1 }));
  expect(filterKey({ a: 1, b: undefined })).toBe(filterKey({ a: 1 }));
  expect(filterKey({ a: [1, 2] })).not.toBe(filterKey({ a: [2] }));
});
