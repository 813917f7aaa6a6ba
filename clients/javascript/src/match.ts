import { own } from "./own.js";

type Values = Record<string, unknown>;
type Test = (value: unknown) => boolean;

const isNumber = (value: unknown): value is number => typeof value === "number";
const isAbsent = (value: unknown): boolean => value === null || value === undefined;
/** A string, a number or a boolean: what may equal. */
const isScalar = (value: unknown): boolean => !isAbsent(value) && typeof value !== "object";

/** `contains` searches so many characters of a text, the first, as the service does. */
const SEARCHED_CHARS = 16_384;
/** By code points: a character beyond 16 bits is one, although it is two in a string. */
const beginning = (value: string): string =>
  value.length > SEARCHED_CHARS ? [...value].slice(0, SEARCHED_CHARS).join("") : value;

const OPERATORS: Record<string, (argument: never) => Test> = {
  gte: (bound: number) => (value) => isNumber(value) && value >= bound,
  gt: (bound: number) => (value) => isNumber(value) && value > bound,
  lte: (bound: number) => (value) => isNumber(value) && value <= bound,
  lt: (bound: number) => (value) => isNumber(value) && value < bound,
  prefix: (text: string) => (value) => typeof value === "string" && value.startsWith(text),
  suffix: (text: string) => (value) => typeof value === "string" && value.endsWith(text),
  contains: (text: string) => (value) => typeof value === "string" && beginning(value).includes(text),
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
    const wanted = new Set(condition);
    return (value) =>
      (Array.isArray(value) ? value : [value]).some((item) => isScalar(item) && wanted.has(item));
  }
  if (typeof condition !== "object" || condition === null) return (value) => value === condition;

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
    const short = isNumber(condition) ? /^(min|max)([A-Z])(.*)$/s.exec(name) : null;
    const other = short && short[2]!.toLowerCase() + short[3]!;
    const test = compileCondition(short ? { [short[1] === "min" ? "gte" : "lte"]: condition } : condition);
    return { name, other, test };
  });
  return (filters, data) =>
    conditions.every(({ name, other, test }) => {
      const value = attribute(name, filters, data);
      return test(isAbsent(value) && other ? attribute(other, filters, data) : value);
    });
}

/** The same text for filters that mean the same: sorted names, absent ones left out. */
export function filterKey(filter: unknown): string {
  return JSON.stringify(filter, (_, value: unknown) =>
    value && typeof value === "object" && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}
