import { batch, computed, signal } from "@preact/signals";
import { DealsClient, NotAuthorized, type StateChange, type TokenReason } from "deals-client";
import type { Head } from "../logic/frame_log";
import { extend, type Period, type StateName } from "../logic/strip";
import { findFaults, readClaims, type Claims } from "../logic/token";
import { ask, fetchToken, place, type Handshake } from "./cloud";
import { isOwnPing, ping, tapSockets } from "./tapped_socket";
import { gaps } from "./deals";
import { frameLog } from "./frames";

/** Whose token the page uses. A pasted one stays in memory, in `sessionStorage` only if asked. */
export type Source = { kind: "person"; user: string } | { kind: "pasted"; token: string };

const PASTED = "deals-console.token";
const PING_EVERY_MS = 15_000;

export const source = signal<Source>(readSource());
export const claims = signal<Claims | undefined>(undefined);
export const clientState = signal<StateChange>({ state: "idle", previous: "idle" });
export const since = signal(Date.now());
export const openSockets = signal(0);
export const closeCode = signal<number | undefined>(undefined);
export const nextTryAt = signal<number | undefined>(undefined);
export const roundTripMs = signal<number | undefined>(undefined);
/** How many subscriptions are not live, and what the replay has brought. */
export const catchingUp = signal({ pending: 0, since: undefined as number | undefined, replayed: 0 });
/** A new token is wanted from the reader. */
export const tokenAsked = signal(false);
export const refusal = signal<{ handshakes: Handshake[]; faults: string[] } | undefined>(undefined);
export const periods = signal<readonly Period[]>([]);
export const warnings = signal<readonly string[]>([]);
export const isSecondTicking = signal(Date.now());
/** Only the local cloud has demo people: elsewhere the reader pastes a token before there is a connection. */
export const lacksToken = computed(() => place.value?.isLocal === false && source.value.kind === "person");
const handshakeFailed = signal(false);
const closedBecause = signal("");

export const pageState = computed<StateName>(() => {
  const { state, reason } = clientState.value;
  switch (state) {
    case "connecting":
      return "connecting";
    case "waiting":
      return reason === "refused" || reason === "throttled" || handshakeFailed.value ? "refused" : "waiting";
    case "stopped":
      return closedBecause.value ? "closed" : "refused";
    case "idle":
    case "closed":
      return clientState.value.previous === "idle" ? "idle" : "closed";
    default:
      return stateWhileConnected();
  }
});

function stateWhileConnected(): StateName {
  const expiresAt = claims.value?.expiresAt;
  if (tokenAsked.value || (expiresAt !== undefined && expiresAt * 1_000 <= isSecondTicking.value))
    return "expired";
  if (openSockets.value > 1) return "handing over";
  if (catchingUp.value.pending > 0) return "resuming";
  return gaps.value.length > 0 ? "gap" : "live";
}

/** Why the page is in its state, in words; empty where the state says it all. */
export const stateReason = computed(() => {
  const { state, reason, error } = clientState.value;
  if (lacksToken.value) return "a token of yours is needed: Who takes it";
  if (pageState.value === "closed") return closedBecause.value || "by you";
  if (!navigator.onLine && state !== "connected") return "no network";
  if (state === "waiting") return `${reason ?? ""}${closeCode.value ? `, code ${closeCode.value}` : ""}`;
  if (state === "stopped") return error?.message ?? reason ?? "";
  return "";
});

let client: DealsClient | undefined;
let socket: WebSocket | undefined;
let nextLifeSeconds: number | undefined;
let holdsTokens = false;
let giveToken: ((token: string) => void) | undefined;
const listeners: ((made: DealsClient) => void)[] = [];
const frameListeners: ((head: Head, direction: "sent" | "got") => void)[] = [];

/** Be told of each new client, to subscribe and listen on it. */
export function onClient(listener: (made: DealsClient) => void): void {
  listeners.push(listener);
}

/** Be told of every frame, as it comes. */
export function onFrame(listener: (head: Head, direction: "sent" | "got") => void): void {
  frameListeners.push(listener);
}

export function currentClient(): DealsClient | undefined {
  return client;
}

/** Connect with a new client; subscriptions go on where they were. */
export function start(): void {
  const at = place.peek();
  if (!at || lacksToken.peek()) return;
  const old = client;
  client = undefined;
  void old?.close();
  closedBecause.value = "";
  refusal.value = undefined;
  const made = new DealsClient({
    url: at.url,
    getToken: ({ reason }) => getToken(reason),
    WebSocket: tapSockets({ frame: onSocketFrame, opened: onOpened, closed: onClosed }),
    pingAfterMs: at.isLocal ? 5_000 : 30_000,
    pingTimeoutMs: 5_000,
    tokenTimeoutMs: 600_000,
    backoffBaseMs: 1_500,
    backoffCapMs: 15_000,
  });
  client = made;
  made.on("state", (change) => made === client && onState(change));
  made.on("warning", ({ code, message }) => {
    warnings.value = [...warnings.peek(), `${code}: ${message}`].slice(-20);
  });
  for (const listener of listeners) listener(made);
  made.connect().catch(() => {}); // the state tells it
}

export function stop(): void {
  closedBecause.value = "";
  client?.disconnect();
}

/** End a wait, or connect again after a stop. */
export function tryNow(): void {
  client?.disconnect();
  closedBecause.value = "";
  client?.connect().catch(() => {});
}

/** Use another demo person's token, or a pasted one. */
export function changeSource(next: Source, remember = false): void {
  if (next.kind === "pasted" && remember) sessionStorage.setItem(PASTED, next.token);
  else sessionStorage.removeItem(PASTED);
  source.value = next;
  const give = giveToken;
  if (tokenAsked.peek() && give && next.kind === "pasted") return give(next.token);
  endTokenQuestion();
  holdsTokens = false;
  start();
}

/** Connect with a token that ends soon, and wait for the reader to refresh it. */
export function useShortToken(seconds: number): void {
  nextLifeSeconds = seconds;
  holdsTokens = true;
  start();
}

/** Answer the question for a new token by a demo person's. */
export async function refreshToken(): Promise<void> {
  holdsTokens = false;
  const { value } = source;
  if (value.kind === "person" && giveToken) giveToken(await fetchToken(value.user));
}

function endTokenQuestion(): void {
  giveToken = undefined;
  tokenAsked.value = false;
}

async function getToken(reason: TokenReason): Promise<string> {
  const { value } = source;
  if (reason === "refused" && closedBecause.peek()) throw new NotAuthorized(closedBecause.peek());
  if (reason === "refused" && value.kind === "pasted")
    throw new NotAuthorized("the pasted token was refused");
  const isQuestion = reason === "expiring" && (holdsTokens || value.kind === "pasted");
  const token = isQuestion
    ? await askReader()
    : value.kind === "person"
      ? await fetchToken(value.user, nextLifeSeconds)
      : value.token;
  nextLifeSeconds = undefined;
  claims.value = readClaims(token);
  return token;
}

function askReader(): Promise<string> {
  tokenAsked.value = true;
  return new Promise((resolve) => {
    giveToken = (token) => {
      endTokenQuestion();
      resolve(token);
    };
  });
}

function onState(change: StateChange): void {
  batch(() => {
    clientState.value = change;
    since.value = Date.now();
    nextTryAt.value = change.retryInMs === undefined ? undefined : Date.now() + change.retryInMs;
    if (change.state === "connected") {
      handshakeFailed.value = false;
      closeCode.value = undefined;
      refusal.value = undefined;
    } else endTokenQuestion();
  });
  if (pageState.peek() === "refused") void explainRefusal();
}

/** A browser sees no status of a handshake, so the page looks at its token and asks the local cloud. */
async function explainRefusal(): Promise<void> {
  const faults = claims.peek() ? findFaults(claims.peek(), Date.now()) : [];
  refusal.value = { faults, handshakes: [] };
  if (!place.peek()?.isLocal) return;
  await new Promise((resolve) => setTimeout(resolve, 1_000)); // the reason is logged after the answer
  try {
    const { handshakes } = await ask<{ handshakes: Handshake[] }>("handshakes");
    const failed = handshakes.filter(({ status }) => status !== 101).sort((a, b) => b.at_ms - a.at_ms);
    if (refusal.peek()) refusal.value = { faults, handshakes: failed.slice(0, 3) };
  } catch {
    // the local cloud is away: the token's own faults are all there is
  }
}

function onOpened(opened: WebSocket): void {
  socket = opened;
  openSockets.value += 1;
  handshakeFailed.value = false;
  ping(opened);
}

function onClosed(code: number, wasOpen: boolean): void {
  if (wasOpen) openSockets.value -= 1;
  else handshakeFailed.value = navigator.onLine;
  closeCode.value = code;
}

function onSocketFrame(direction: "sent" | "got", text: string, head: Head): void {
  const frame = frameLog.add(direction, text, head, Date.now());
  if (isOwnPing(frame.requestId) && frame.answeredInMs !== undefined) roundTripMs.value = frame.answeredInMs;
  if (head.type === "closing") {
    const { reason } = head.data as { reason?: string };
    if (reason === "revoked" || reason === "blocked" || reason === "kicked") closedBecause.value = reason;
  }
  for (const listener of frameListeners) listener(head, direction);
}

/** Once a second: the strip, the clock, and a ping now and then. */
export function tick(now: number): void {
  batch(() => {
    isSecondTicking.value = now;
    recordState(now);
  });
  if (now % PING_EVERY_MS < 1_000 && socket?.readyState === WebSocket.OPEN && !document.hidden) ping(socket);
}

export function recordState(now: number): void {
  const next = extend(periods.peek(), { state: pageState.peek(), reason: stateReason.peek(), from: now });
  if (next.length !== periods.peek().length || periods.peek().length === 0) periods.value = next;
}

function readSource(): Source {
  try {
    const token = sessionStorage.getItem(PASTED);
    if (token) return { kind: "pasted", token };
  } catch {
    // a browser may forbid storage
  }
  return { kind: "person", user: "ann" };
}
