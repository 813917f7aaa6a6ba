import { own } from "./own.js";

type Values = Record<string, unknown>;
type Test = (value: unknown) => boolean;

const isAbsent = (value: unknown): boolean => value == null;

/** A comparison of values of one type, as the service makes it. */
const compare =
  (holds: (value: any, argument: any) => boolean) =>
  (argument: unknown): Test =>
  (value) =>
    typeof value === typeof argument && holds(value, argument);

const OPERATORS: Record<string, (argument: never) => Test> = {
  gte: compare((value, bound) => value >= bound),
  gt: compare((value, bound) => value > bound),
  lte: compare((value, bound) => value <= bound),
  lt: compare((value, bound) => value < bound),
  prefix: compare((value, text) => value.startsWith(text)),
  suffix: compare((value, text) => value.endsWith(text)),
  // It searches the first 16,384 characters, by code points, as the service does.
  contains: compare((value, text) => /^.{0,16384}/su.exec(value)![0].includes(text)),
  exists: (wanted: boolean) => (value) => isAbsent(value) !== wanted,
  not: (condition: unknown) => {
    const test = compileCondition(condition);
    return (value) => !isAbsent(value) && !test(value);
  },
  anyOf: (conditions: unknown[]) => {
    const tests = conditions.map(compileCondition);
    return (value) => tests.some((test) => test(value));
  },
};

function compileCondition(condition: unknown): Test {
  if (Array.isArray(condition)) {
    return (value) =>
      (Array.isArray(value) ? value : [value]).some((item) => !isAbsent(item) && condition.includes(item));
  }
  if (typeof condition !== "object" || !condition) return (value) => value === condition;

  // The server has accepted the filter, or will refuse it: an operator that is unknown here matches nothing.
  const tests = Object.entries(condition).map(
    ([name, argument]) => own(OPERATORS, name)?.(argument as never) ?? (() => false),
  );
  return (value) => tests.every((test) => test(value));
}

function attribute(name: string, filters: Values | undefined, data: Values): unknown {
  const value = own(filters, name) ?? own(data, name);
  return isAbsent(value) && name === "discount" ? attribute("discountPercentage", filters, data) : value;
}

/** Whether an event, by the attributes in its `filters` and its `data`, fulfils a compiled filter. */
export type Match = (filters: Values | undefined, data: Values) => boolean;

/** Compile a filter by the rules of the wire protocol, "Topics and filters". */
export function compileFilter(filter: Values): Match {
  const conditions = Object.entries(filter).map(([name, condition]) => {
    const [, bound, first, rest] =
      (typeof condition === "number" && /^(min|max)([A-Z])(.*)$/s.exec(name)) || [];
    const other = bound && first!.toLowerCase() + rest;
    const test = compileCondition(bound ? { [bound === "min" ? "gte" : "lte"]: condition } : condition);
    return (filters: Values | undefined, data: Values): boolean => {
      const value = attribute(name, filters, data);
      return test(isAbsent(value) && other ? attribute(other, filters, data) : value);
    };
  });
  return (filters, data) => conditions.every((holds) => holds(filters, data));
}

/** The same text for filters that mean the same: sorted names, absent ones left out. */
export function filterKey(filter: unknown): string {
  return JSON.stringify(filter, (_, value: unknown) =>
    value && typeof value === "object" && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}
