import { signal } from "@preact/signals";
import { ask, fetchToken, place, remove, tell } from "./cloud";
import { claims, currentClient, pageState, start, stop, tryNow, useShortToken } from "./connection";
import { askForLostHistory } from "./wishes";

/** Something that breaks, what it does, and what to watch. */
export interface Fault {
  id: string;
  label: string;
  does: string;
  watch: string;
  /** How long it lasts; 0 for what happens once. */
  seconds: number;
  needsRedis?: true;
  /** Begin; returns how to end it, where it does not end by itself. */
  begin(): Promise<(() => Promise<unknown>) | void>;
}

export interface InForce {
  id: string;
  label: string;
  /** Undefined for what was begun before this page was opened: only the front knows. */
  endsAt: number | undefined;
}

/** A fault as the front lists it. */
interface FrontFault {
  fault_id: number;
  service: string;
  operation: string;
  status: number | null;
  delay_ms: number;
}

export const inForce = signal<readonly InForce[]>([]);
export const faultProblem = signal("");

const SECONDS = 30;
const SHORT_TOKEN_SECONDS = 70;
/** Twenty connections and two more for hand-overs are a user's. */
const EXTRA_SOCKETS = 24;
const ends = new Map<string, { timer?: ReturnType<typeof setTimeout>; end: () => Promise<unknown> }>();
let nextReading: ReturnType<typeof setTimeout> | undefined;
/** The faults of the tables, as the front knows them. */
const OF_TABLES = {
  slow: { delay_ms: 300 },
  throttled: { status: 400, error: "ProvisionedThroughputExceededException", share: 0.25 },
};

/** Every fault, in the order of their buttons. */
export const FAULTS: readonly Fault[] = [
  {
    id: "cut",
    label: "Cut the socket",
    does: "The front drops this page's socket without a close frame.",
    watch: "Waiting for a second, resuming, cards marked replayed, lost 0.",
    seconds: 0,
    begin: async () => tell(`connections/${await ownConnection()}/drop`).then(() => {}),
  },
  {
    id: "goodbye",
    label: "Cut, lose the goodbye",
    does: "The same, and the service is not told that the socket has gone.",
    watch: "The service counts one connection too many until its next push.",
    seconds: 0,
    begin: async () =>
      tell(`connections/${await ownConnection()}/drop`, { lose_disconnect: true }).then(() => {}),
  },
  {
    id: "half-open",
    label: "Half-open",
    does: "The front neither reads nor writes this socket for 30 s; it looks open.",
    watch: "Deals stop. A ping without an answer tells after ten seconds; then as after a cut.",
    seconds: SECONDS,
    begin: async () =>
      tell(`connections/${await ownConnection()}/half-open`, { seconds: SECONDS }).then(() => {}),
  },
  ...["broadcast", "delivery"].map((name): Fault => ({
    id: `kill-${name}`,
    label: `Kill ${name}`,
    does: `Ends the process of the function ${name} in the middle of a call.`,
    watch: "Some deals come late, the queue grows and drains, lost 0.",
    seconds: 0,
    begin: () => tell(`functions/${name}/kill`).then(() => {}),
  })),
  {
    id: "slow",
    label: "Slow tables",
    does: "Each call of DynamoDB takes 300 ms longer.",
    watch: "Latency rises and falls again, lost 0.",
    seconds: SECONDS,
    begin: () => addFault(OF_TABLES.slow),
  },
  {
    id: "throttled",
    label: "Throttled tables",
    does: "DynamoDB refuses a quarter of the calls as too many.",
    watch: "Latency rises and falls again, lost 0.",
    seconds: SECONDS,
    begin: () => addFault(OF_TABLES.throttled),
  },
  {
    id: "redis",
    label: "Redis away",
    does: "Connections to Redis are cut and refused.",
    watch: "The service reads its tables instead: slower, lost 0.",
    seconds: SECONDS,
    needsRedis: true,
    begin: async () => {
      await tell("redis", { state: "cut", seconds: SECONDS });
      return openRedis;
    },
  },
  {
    id: "hand-over",
    label: "Two hours: warned",
    does: "The service sends `reconnect`, as it does before API Gateway's limit of two hours.",
    watch: "Handing over: two sockets for a moment, no card missing.",
    seconds: 0,
    begin: async () => tell(`connections/${await ownConnection()}/hand-over`).then(() => {}),
  },
  {
    id: "two-hours",
    label: "Two hours: unwarned",
    does: "The gateway's clock moves by two hours: it closes every connection.",
    watch: "Waiting, resuming, lost 0.",
    seconds: 0,
    begin: () => tell("clock", { advance: 7_200 }).then(() => {}),
  },
  {
    id: "expire",
    label: "Token ends",
    does: `Connects with a token of ${SHORT_TOKEN_SECONDS} s, and does not renew it by itself.`,
    watch: "A countdown; refresh in time, or the service closes the connection.",
    seconds: 0,
    begin: async () => useShortToken(SHORT_TOKEN_SECONDS),
  },
  {
    id: "revoke",
    label: "Token revoked",
    does: "All tokens of this user that were issued until now stop being good.",
    watch: "Closed, with the reason. Connect again takes a new token.",
    seconds: 0,
    begin: () => tell("revocations", { user_id: claims.peek()?.user ?? "" }).then(() => {}),
  },
  {
    id: "too-many",
    label: "Too many connections",
    does: "Opens more sockets for this user than one may have, then connects again.",
    watch: "Refused, with the reason that a browser cannot see; live again after 30 s.",
    seconds: SECONDS,
    begin: openTooMany,
  },
  {
    id: "history",
    label: "History gone",
    does: "Subscribes from position 1, which the history does not reach any more.",
    watch: "Gap: a line across the list, until you dismiss it.",
    seconds: 0,
    begin: askForLostHistory,
  },
  {
    id: "hostile",
    label: "Hostile deals",
    does: "Publishes deals with markup, 120 KB, direction overrides, signs without width.",
    watch: "Their text, and nothing else.",
    seconds: 0,
    begin: () => tell("feed/hostile").then(() => {}),
  },
];

/** Put a fault in force. What goes wrong is told in `faultProblem`. */
export async function begin(fault: Fault): Promise<void> {
  faultProblem.value = "";
  try {
    await finish(fault.id);
    const end = await fault.begin();
    if (fault.seconds === 0) return;
    const timer = setTimeout(() => void finish(fault.id), fault.seconds * 1_000);
    ends.set(fault.id, { timer, end: end ?? (() => Promise.resolve()) });
    const { id, label } = fault;
    const endsAt = Date.now() + fault.seconds * 1_000;
    inForce.value = [...inForce.peek().filter((one) => one.id !== id), { id, label, endsAt }];
  } catch (error) {
    faultProblem.value = `${fault.label}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Take over what is in force at the front since before this page was opened, until it ends there. */
export async function readFaults(): Promise<void> {
  clearTimeout(nextReading);
  try {
    const [faults, { redis }] = await Promise.all([
      ask<FrontFault[]>("faults"),
      ask<{ redis?: string }>("status"),
    ]);
    takeOver(faults, redis ?? "open");
  } catch {
    // the front is away, and what was in force stays shown
  }
  if (inForce.peek().some(({ endsAt }) => endsAt === undefined))
    nextReading = setTimeout(() => void readFaults(), 1_000);
}

function takeOver(faults: FrontFault[], redis: string): void {
  const own = inForce.peek().filter(({ endsAt }) => endsAt !== undefined);
  for (const id of ends.keys()) if (!own.some((one) => one.id === id)) ends.delete(id);
  const others: InForce[] = [];
  const add = (id: string, otherLabel: string, end: () => Promise<unknown>): void => {
    if (ends.has(id)) return;
    ends.set(id, { end });
    const label = FAULTS.find((fault) => fault.id === id)?.label ?? otherLabel;
    others.push({ id, label, endsAt: undefined });
  };

  for (const fault of faults) {
    const { fault_id, service, operation } = fault;
    add(nameOf(fault) ?? `fault-${fault_id}`, `${service} ${operation}`, () => remove(`faults/${fault_id}`));
  }
  if (redis !== "open") add("redis", "Redis", openRedis);
  inForce.value = [...own, ...others];
}

/** Which of the faults of the tables it is. */
function nameOf({ service, status, delay_ms }: FrontFault): string | undefined {
  if (service !== "dynamodb") return undefined;
  if (status === OF_TABLES.throttled.status) return "throttled";
  return delay_ms === OF_TABLES.slow.delay_ms ? "slow" : undefined;
}

export async function clearAll(): Promise<void> {
  await Promise.all([...ends.keys()].map(finish));
  await readFaults(); // another page may have begun the same
}

async function finish(id: string): Promise<void> {
  const found = ends.get(id);
  ends.delete(id);
  clearTimeout(found?.timer);
  inForce.value = inForce.peek().filter((one) => one.id !== id);
  try {
    await found?.end();
  } catch (error) {
    faultProblem.value = error instanceof Error ? error.message : String(error);
  }
}

/** Ends by itself at the front, even if this page is gone. */
async function addFault(fault: object): Promise<() => Promise<unknown>> {
  const body = { service: "dynamodb", ...fault, seconds: SECONDS };
  const { fault_id } = await tell<{ fault_id: number }>("faults", body);
  return () => remove(`faults/${fault_id}`);
}

function openRedis(): Promise<unknown> {
  return tell("redis", { state: "open" });
}

async function ownConnection(): Promise<string> {
  const client = currentClient();
  if (client?.state !== "connected") throw new Error("this page is not connected: connect first");
  return encodeURIComponent((await client.status()).connectionId);
}

/** Fill all places of the user until one more is refused, then ask for one again. */
async function openTooMany(): Promise<() => Promise<unknown>> {
  const user = claims.peek()?.user ?? "";
  const token = await fetchToken(user);
  const sockets: WebSocket[] = [];
  const openOne = (): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = new WebSocket(place.peek()!.url, ["deals.v1", token]);
      sockets.push(socket);
      socket.onopen = () => resolve(true);
      socket.onclose = () => resolve(false);
    });
  const fill = async (): Promise<void> => {
    for (let left = EXTRA_SOCKETS; left > 0 && (await openOne());) left -= 1;
  };

  await fill();
  stop();
  await new Promise((resolve) => setTimeout(resolve, 1_000)); // its place becomes free
  await fill();
  start();
  return async () => {
    for (const socket of sockets) socket.close();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    if (pageState.peek() === "refused") tryNow();
  };
}
