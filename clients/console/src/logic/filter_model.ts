import { isObject, type Json, type JsonObject } from "./matcher";

/** The conditions that the form offers, in the order of its menu. */
export const KINDS = {
  is: "is",
  oneOf: "is one of",
  gte: "≥",
  gt: ">",
  lte: "≤",
  lt: "<",
  prefix: "starts with",
  suffix: "ends with",
  contains: "contains",
  exists: "exists",
  absent: "does not exist",
  not: "is not …",
  anyOf: "any of …",
} as const;

export type Kind = keyof typeof KINDS;
export type RangeKind = "gte" | "gt" | "lte" | "lt";
export const RANGES: readonly RangeKind[] = ["gte", "gt", "lte", "lt"];

/** A condition as the form holds it: what is typed stays text until it is written as JSON. */
export interface Node {
  kind: Kind;
  text: string;
  /** Further bounds of a range. */
  bounds: { kind: RangeKind; text: string }[];
  /** What `not` and `anyOf` hold. */
  parts: Node[];
}

export interface Row {
  attribute: string;
  node: Node;
}

export function newNode(kind: Kind = "is", text = ""): Node {
  const parts = kind === "not" || kind === "anyOf" ? [newNode()] : [];
  return { kind, text, bounds: [], parts };
}

/** The rows of a filter. Throws an Error that names the place of what is no condition. */
export function toRows(filters: JsonObject): Row[] {
  return Object.entries(filters).map(([attribute, condition]) => ({
    attribute,
    node: toNode(condition, `filters.${attribute}`),
  }));
}

/** The filter of rows. A problem is told by its path, as the service tells it. */
export function toFilters(rows: readonly Row[]): { filters: JsonObject; problems: Map<string, string> } {
  const problems = new Map<string, string>();
  const filters: JsonObject = {};
  for (const { attribute, node } of rows) {
    const path = `filters.${attribute}`;
    if (!attribute) problems.set(path, "name the attribute");
    else if (Object.hasOwn(filters, attribute))
      problems.set(path, "two rows have this attribute: use a second bound, or any of …");
    else filters[attribute] = toCondition(node, path, problems);
  }
  return { filters, problems };
}

/** What is typed as a value: a number, true or false, or text; quotes make text of anything. */
export function readScalar(typed: string): string | number | boolean {
  const text = typed.trim();
  if (text === "true" || text === "false") return text === "true";
  if (/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text)) return Number(text);
  if (text.length > 1 && text.startsWith('"') && text.endsWith('"')) {
    try {
      return JSON.parse(text) as string;
    } catch {
      return text;
    }
  }
  return text;
}

/** The inverse of `readScalar`. */
export function writeScalar(value: Json): string {
  if (typeof value !== "string") return JSON.stringify(value);
  const isPlain = value !== "" && readScalar(value) === value && !value.includes(",");
  return isPlain ? value : JSON.stringify(value);
}

function toNode(condition: Json, path: string): Node {
  if (Array.isArray(condition)) return newNode("oneOf", condition.map(writeScalar).join(", "));
  if (condition === null) throw new Error(`${path}: null is no condition`);
  if (!isObject(condition)) return newNode("is", writeScalar(condition));

  const entries = Object.entries(condition);
  const [name, argument] = entries[0] ?? ["", null];
  if (entries.length > 0 && entries.every(([one]) => isRange(one))) {
    const [first, ...bounds] = entries.map(([kind, bound]) => ({
      kind: kind as RangeKind,
      text: JSON.stringify(bound),
    }));
    return { ...newNode(first!.kind, first!.text), bounds };
  }
  if (entries.length === 1) {
    if (name === "prefix" || name === "suffix" || name === "contains")
      return newNode(name, asString(argument));
    if (name === "exists" && typeof argument === "boolean") return newNode(argument ? "exists" : "absent");
    if (name === "not") return { ...newNode("not"), parts: [toNode(argument, `${path}.not`)] };
    if (name === "anyOf" && Array.isArray(argument))
      return {
        ...newNode("anyOf"),
        parts: argument.map((one, index) => toNode(one, `${path}.anyOf[${index}]`)),
      };
  }
  throw new Error(`${path}: ${JSON.stringify(condition).slice(0, 80)} is no condition`);
}

function toCondition(node: Node, path: string, problems: Map<string, string>): Json {
  const { kind, text, parts } = node;
  if (isRange(kind)) {
    const range: JsonObject = {};
    for (const bound of [{ kind, text }, ...node.bounds]) {
      const value = readScalar(bound.text);
      if (typeof value !== "number") problems.set(`${path}.${bound.kind}`, "must be a number");
      range[bound.kind] = value;
    }
    return range;
  }
  switch (kind) {
    case "is":
      if (!text.trim()) problems.set(path, 'give a value; "" is the empty text');
      return readScalar(text);
    case "oneOf":
      if (!text.trim()) problems.set(path, "give values, with commas between them");
      return splitList(text).map(readScalar);
    case "exists":
    case "absent":
      return { exists: kind === "exists" };
    case "not":
      return { not: toCondition(parts[0] ?? newNode(), `${path}.not`, problems) };
    case "anyOf":
      return { anyOf: parts.map((part, index) => toCondition(part, `${path}.anyOf[${index}]`, problems)) };
    default:
      return { [kind]: text };
  }
}

/** Split at commas that are not within quotes. */
function splitList(text: string): string[] {
  return text.match(/\s*("(?:[^"\\]|\\.)*"|[^,]*)\s*(?=,|$)/g)?.filter((part) => part.trim()) ?? [];
}

function asString(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

export function isRange(name: string): name is RangeKind {
  return (RANGES as readonly string[]).includes(name);
}
