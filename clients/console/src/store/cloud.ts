import { signal } from "@preact/signals";
import type { JsonObject, Json } from "../logic/matcher";

/** Where the service is, and whether the local cloud is behind it. */
export interface Place {
  url: string;
  isLocal: boolean;
  name: string;
  functions: string[];
  people: { user_id: string; name: string }[];
  hasRedis: boolean;
}

export interface PublishedEvent {
  number: number;
  event_id: string;
  topic: string;
  filters?: JsonObject;
  data: Json;
  published_at_ms: number;
  accepted: boolean;
}

export interface PictureNode {
  id: string;
  kind: string;
  label: string;
  open?: number;
  in_flight?: number;
  waiting?: number;
  dead?: number;
  errors?: number;
}

export interface Picture {
  at_ms: number;
  nodes: PictureNode[];
  calls: { from: string; to: string; last_second: number | null }[];
}

export interface Handshake {
  at_ms: number;
  status: number;
  reason: string;
  user_id?: string;
}

/** The place, once it is known; `placeProblem` says why it is not. */
export const place = signal<Place | undefined>(undefined);
export const placeProblem = signal("");

const PATIENCE_MS = 2_000;

/** Find the service: the deployment's own file names it, else it is the local cloud that serves this page. */
export async function findPlace(): Promise<void> {
  for (;;) {
    try {
      place.value = await askForPlace();
      placeProblem.value = "";
      return;
    } catch (error) {
      placeProblem.value = error instanceof Error ? error.message : String(error);
      await new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
    }
  }
}

async function askForPlace(): Promise<Place> {
  const config = (await (await fetch("./config.json")).json()) as { url?: string };
  if (config.url)
    return { url: config.url, isLocal: false, name: "", functions: [], people: [], hasRedis: false };
  const about = await ask<{
    stack: { name: string; websocket_path: string; functions: string[] } | null;
    people: Place["people"];
    redis: boolean;
  }>("console");
  if (!about.stack) throw new Error("Nothing is applied to the local cloud yet: `make local-up` does it.");
  return {
    url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${about.stack.websocket_path}`,
    isLocal: true,
    name: about.stack.name,
    functions: about.stack.functions,
    people: about.people,
    hasRedis: about.redis,
  };
}

/** Read something of the local cloud. */
export function ask<Answer>(path: string): Promise<Answer> {
  return call("GET", path);
}

/** Change something of the local cloud. Rejects with an Error that says what is wrong. */
export function tell<Answer = unknown>(path: string, body: object = {}): Promise<Answer> {
  return call("POST", path, body);
}

export function remove(path: string): Promise<unknown> {
  return call("DELETE", path, {});
}

async function call<Answer>(method: string, path: string, body?: object): Promise<Answer> {
  const response = await fetch(`/_local_cloud/${path}`, {
    method,
    ...(body && {
      headers: { "Content-Type": "application/json", "X-Local-Cloud": "1" },
      body: JSON.stringify(body),
    }),
  });
  const answer = (await response.json()) as Answer & { error?: string };
  if (!response.ok) throw new Error(answer.error ?? `${path}: the local cloud answered ${response.status}`);
  return answer;
}

/** A token of a demo person. */
export async function fetchToken(user: string, seconds = 3_600): Promise<string> {
  return (await tell<{ token: string }>("tokens", { user_id: user, expires_in_s: seconds })).token;
}
