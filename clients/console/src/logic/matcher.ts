/**
 * Whether a wish wants an event, by the protocol's section on topics and filters. Written for this page alone,
 * apart from the service's and the clients' matching, so that the count of lost deals is an independent one.
 */

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type JsonObject = { [name: string]: Json };

export interface Wish {
  topic: string;
  filters: JsonObject;
}

/** What a publisher gave: the attributes in `filters` go before those in `data`. */
export interface Published {
  topic: string;
  filters?: JsonObject | undefined;
  data: Json;
}

const SEARCHED_CHARS = 16_384;

/** The topic that brings the events of every public topic. */
export const ALL = "all-deals";

export function wants(wish: Wish, event: Published): boolean {
  return coversTopic(wish.topic, event.topic) && holds(wish.filters, event);
}

export function coversTopic(wanted: string, topic: string): boolean {
  if (wanted !== ALL) return wanted === topic;
  return topic !== "private" && !topic.startsWith("private.");
}

/** Whether all conditions of a filter hold for an event. */
export function holds(filters: JsonObject, event: Published): boolean {
  return Object.entries(filters).every(([name, condition]) => {
    const own = lookUp(event, name);
    const short = typeof condition === "number" ? /^(min|max)([A-Z].*)$/.exec(name) : null;
    if (!short || own !== undefined)
      return short ? bounds(short[1]!, condition, own) : fulfils(condition, own);
    const attribute = short[2]![0]!.toLowerCase() + short[2]!.slice(1);
    return bounds(short[1]!, condition, lookUp(event, attribute));
  });
}

function bounds(side: string, bound: Json, value: Json | undefined): boolean {
  return fulfils({ [side === "min" ? "gte" : "lte"]: bound }, value);
}

/** The value of an attribute; undefined where the event has none. */
function lookUp(event: Published, name: string): Json | undefined {
  const value = ownValue(event.filters, name) ?? ownValue(event.data, name);
  return value === undefined && name === "discount" ? lookUp(event, "discountPercentage") : value;
}

function ownValue(holder: Json | undefined, name: string): Json | undefined {
  if (!isObject(holder) || !Object.hasOwn(holder, name)) return undefined;
  return holder[name] ?? undefined; // null counts as absent
}

function fulfils(condition: Json, value: Json | undefined): boolean {
  if (isObject(condition)) return Object.entries(condition).every((one) => operate(one[0], one[1], value));
  if (value === undefined) return false;
  if (!Array.isArray(condition)) return value === condition;
  const values = Array.isArray(value) ? value : [value];
  return condition.some((wanted) => values.some((one) => one === wanted && !isObject(one)));
}

function operate(operator: string, wanted: Json, value: Json | undefined): boolean {
  if (operator === "exists") return (value !== undefined) === wanted;
  if (operator === "anyOf") return (wanted as Json[]).some((one) => fulfils(one, value));
  if (value === undefined) return false;
  switch (operator) {
    case "not":
      return !fulfils(wanted, value);
    case "gte":
    case "gt":
    case "lte":
    case "lt":
      return typeof value === "number" && compare(operator, value, wanted as number);
    default:
      return typeof value === "string" && contains(operator, value, wanted as string);
  }
}

function compare(operator: "gte" | "gt" | "lte" | "lt", value: number, bound: number): boolean {
  if (operator === "gte") return value >= bound;
  if (operator === "gt") return value > bound;
  return operator === "lte" ? value <= bound : value < bound;
}

function contains(operator: string, text: string, part: string): boolean {
  if (operator === "prefix") return text.startsWith(part);
  if (operator === "suffix") return text.endsWith(part);
  return operator === "contains" && searched(text).includes(part);
}

/** What the service searches of a text: the first 16,384 characters, each a code point. */
function searched(text: string): string {
  return text.length > SEARCHED_CHARS ? Array.from(text).slice(0, SEARCHED_CHARS).join("") : text;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
