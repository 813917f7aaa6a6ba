import aws from "../snippets/aws.txt?raw";
import javascript from "../snippets/javascript.txt?raw";
import python from "../snippets/python.txt?raw";
import wscat from "../snippets/wscat.txt?raw";
import { ALL, isObject, type Json, type JsonObject, type Wish } from "./matcher";

export const LANGUAGES = {
  javascript: "JavaScript client",
  python: "Python client",
  wscat: "wscat",
  aws: "AWS CLI (publishes such a deal)",
} as const;

export type Language = keyof typeof LANGUAGES;

const TEMPLATES: Record<Language, string> = { javascript, python, wscat, aws };

/** The code that does what a wish does. The token is `$TOKEN` of the environment, never the page's own. */
export function writeSnippet(language: Language, wish: Wish): string {
  const frame = { action: "subscribeToDeals", data: { ...wish, recent: 20 } };
  const values: Record<string, unknown> = { ...wish, frame, event: exampleOf(wish) };
  return TEMPLATES[language].replace(/\{\{(\w+):(\w+)\}\}/g, (_, name: string, quoting: string) =>
    QUOTINGS[quoting]!(JSON.stringify(values[name])),
  );
}

const QUOTINGS: Record<string, (json: string) => string> = {
  json: escapeSigns,
  // JSON's own strings are Python's as well, so a string of JSON is quoted as one.
  python: (json) => escapeSigns(JSON.stringify(escapeSigns(json))),
  shell: (json) => `'${escapeSigns(json).replace(/'/g, "'\\''")}'`,
};

/** JSON with everything beyond printable ASCII escaped, so that no sign is lost or hidden on its way. */
function escapeSigns(json: string): string {
  return json.replace(/[^\x20-\x7e]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** An event that a wish wants, as far as its conditions give values. */
export function exampleOf({ topic, filters }: Wish): JsonObject {
  const attributes: JsonObject = {};
  for (const [name, condition] of Object.entries(filters)) {
    const short = typeof condition === "number" ? /^(?:min|max)([A-Z].*)$/.exec(name)?.[1] : undefined;
    const value = valueFor(condition);
    if (value !== undefined) attributes[short ? short[0]!.toLowerCase() + short.slice(1) : name] = value;
  }
  return {
    messageType: "dealUpdate",
    topic: topic === ALL ? "examples" : topic,
    data: { title: "An example", ...attributes },
  };
}

function valueFor(condition: Json | undefined): Json | undefined {
  if (Array.isArray(condition)) return condition[0];
  if (!isObject(condition)) return condition;
  const { gte, gt, lte, lt, prefix, suffix, contains, anyOf, exists } = condition;
  if (typeof gte === "number") return gte;
  if (typeof lte === "number") return typeof gt === "number" ? (gt + lte) / 2 : lte;
  if (typeof gt === "number") return typeof lt === "number" ? (gt + lt) / 2 : gt + 1;
  if (typeof lt === "number") return lt - 1;
  if (Array.isArray(anyOf)) return valueFor(anyOf[0]);
  return exists === false ? undefined : (prefix ?? suffix ?? contains ?? "something else");
}
