import { ALL, isObject, type JsonObject, type Wish } from "./matcher";

export type View = "form" | "json";

/** What a link says; never a token or a server. */
export interface Link {
  wish: Wish | undefined;
  event: string | undefined;
  view: View;
  /** What of it does not parse, and why; that is not applied. */
  problems: string[];
}

const TOPIC = /^[a-z0-9-]+(\.[a-z0-9-]+)*$/;

/** Read the part of a URL after `#`. */
export function readLink(hash: string): Link {
  const fields = new URLSearchParams(hash.replace(/^#/, ""));
  const problems: string[] = [];
  const topic = readTopic(fields.get("topic"), problems);
  const filters = readFilters(fields.get("filters"), problems);
  const view = fields.get("view");
  if (view !== null && view !== "form" && view !== "json") problems.push("view: must be form or json");
  const isAsked = fields.has("topic") || fields.has("filters");
  return {
    wish: isAsked && topic !== undefined && filters !== undefined ? { topic, filters } : undefined,
    event: fields.get("event")?.slice(0, 256) || undefined,
    view: view === "json" ? "json" : "form",
    problems,
  };
}

/** The part of a URL after `#`, with it. */
export function writeLink(wish: Wish, event: string | undefined, view: View): string {
  const fields = new URLSearchParams({ topic: wish.topic });
  if (Object.keys(wish.filters).length > 0) fields.set("filters", JSON.stringify(wish.filters));
  if (event !== undefined) fields.set("event", event);
  if (view !== "form") fields.set("view", view);
  return `#${fields.toString()}`;
}

function readTopic(text: string | null, problems: string[]): string | undefined {
  if (text === null) return ALL;
  if (TOPIC.test(text) && text.length <= 64) return text;
  problems.push("topic: 1 to 64 characters of a-z, 0-9, - and parts joined by a dot");
  return undefined;
}

function readFilters(text: string | null, problems: string[]): JsonObject | undefined {
  if (text === null) return {};
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
    problems.push("filters: must be an object that maps attributes to conditions");
  } catch (error) {
    problems.push(`filters: not JSON (${error instanceof Error ? error.message : ""})`);
  }
  return undefined;
}
