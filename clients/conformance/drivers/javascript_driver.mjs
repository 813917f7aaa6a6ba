// The driver of the JavaScript client: see the README for its protocol.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { DealsClient, DealsError, NotAuthorized, keepIn } from "../../javascript/dist/index.js";
import { ManualClock } from "./manual_clock.mjs";

const WebSocket = createRequire(new URL("../../javascript/package.json", import.meta.url))("ws");
/** What the build calls the internals that `stats` counts in. */
const names = JSON.parse(readFileSync(new URL("../../javascript/build/names.json", import.meta.url), "utf8"));
/** With this set, the driver stands for a browser, which shows nothing of a refused handshake. */
const hidesStatus = Boolean(process.env.DEALS_DRIVER_HIDES_STATUS);
let socket;
class WatchedSocket extends WebSocket {
  constructor(...args) {
    super(...args);
    socket = this;
  }

  set onerror(handler) {
    super.onerror = hidesStatus ? () => handler({}) : handler;
  }
}

/** Options that are no times keep their names and values. */
const COUNTS = new Set(["queueRequests", "queueBytes", "buffer", "seen", "maxReplay"]);

const write = (notice) => process.stdout.write(`${JSON.stringify(notice)}\n`);

const optionsOf = (given = {}) =>
  Object.fromEntries(
    Object.entries(given).map(([name, value]) =>
      COUNTS.has(name) ? [name, value] : [`${name}Ms`, value === null ? null : value * 1000],
    ),
  );

/** The client of one scenario, and the commands on it. */
class Driver {
  clock = new ManualClock();
  client;
  subscriptions = new Map();
  iterators = new Map();
  storages = new Map();
  tokens = [];
  random_ = 0.5;

  /** Ask the runner for a token. */
  getToken = ({ reason }) =>
    new Promise((resolve, reject) => {
      this.tokens.push({ resolve, reject });
      write({ on: "token", number: this.tokens.length, reason });
    });

  token({ number, token, error }) {
    const { resolve, reject } = this.tokens[number - 1];
    this.tokens[number - 1].isAnswered = true;
    if (error === undefined || error === null) resolve(token);
    else reject(error === "notAuthorized" ? new NotAuthorized("signed out") : new Error("the issuer cannot be reached"));
  }

  create({ url, options, random = 0.5, storage, listen = [] }) {
    this.random_ = random;
    this.client = new DealsClient({
      url,
      getToken: this.getToken,
      clock: this.clock,
      random: () => this.random_,
      WebSocket: WatchedSocket,
      ...(storage && { storage: this.storage(storage) }),
      ...optionsOf(options),
    });
    this.client.on("state", ({ state, previous, reason, retryInMs }) =>
      write({ on: "state", state, previous, reason: reason ?? null, retryIn: retryInMs === undefined ? null : retryInMs / 1000 }),
    );
    this.client.on("warning", ({ code, message }) => write({ on: "warning", code, message }));
    for (const name of listen) this.client.on(name, (data) => write({ on: name, data: name === "notification" ? { ...data, data } : data }));
  }

  storage(name) {
    if (!this.storages.has(name)) {
      let text = null;
      this.storages.set(name, keepIn({ load: () => text, save: (saved) => void (text = saved) }));
    }
    return this.storages.get(name);
  }

  random({ value }) {
    this.random_ = value;
  }

  connect() {
    return this.client.connect();
  }

  disconnect() {
    this.client.disconnect();
  }

  close() {
    return this.client.close();
  }

  subscribe({ name, topic = "all-deals", filters, since, recent, order, mode, disconnectAt, throw: throws = 0 }) {
    const onEvent = (event) => {
      write({ on: "event", name, event });
      if (throws > 0) {
        throws -= 1;
        throw new Error("a handler that throws");
      }
    };
    const given = Object.entries({ filters, since, recent, order }).filter(([, value]) => value !== undefined && value !== null);
    const subscription = this.client.subscribe(topic, {
      ...Object.fromEntries(given),
      ...(mode !== "iterate" && { onEvent }),
      onGap: (gap) => write({ on: "gap", name, ...gap }),
      onState: ({ state, reason }) => {
        write({ on: "subscription", name, state, reason: reason ?? null });
        if (state === disconnectAt) this.client.disconnect();
      },
    });
    this.subscriptions.set(name, subscription);
    this.iterators.delete(name);
  }

  ready({ name }) {
    return this.subscriptions.get(name).ready;
  }

  async take({ name, count }) {
    if (!this.iterators.has(name)) this.iterators.set(name, this.subscriptions.get(name)[Symbol.asyncIterator]());
    for (let taken = 0; taken < count; taken += 1) {
      const { value } = await this.iterators.get(name).next();
      write({ on: "event", name, event: value });
    }
  }

  update({ name, filters }) {
    return this.subscriptions.get(name).update({ filters });
  }

  unsubscribe({ name }) {
    return this.subscriptions.get(name).unsubscribe();
  }

  sendMessage({ recipientId, content, type, requestId, timeout }) {
    return this.client.sendMessage(recipientId, content, {
      ...(type && { type }),
      ...(requestId && { requestId }),
      ...(timeout && { timeoutMs: timeout * 1000 }),
    });
  }

  async inbox({ status }) {
    const entries = [];
    for await (const entry of this.client.inbox(status ? { status } : {})) entries.push(entry);
    return entries;
  }

  ack({ messageId, type = "read" }) {
    return this.client.ack(messageId, type);
  }

  async presence({ users }) {
    const found = await this.client.presence(users);
    return Object.fromEntries(Object.entries(found).map(([user, { online }]) => [user, online]));
  }

  async status() {
    const { userId, connectionId, unread } = await this.client.status();
    return { userId, connectionId, unread };
  }

  async advance({ seconds }) {
    await this.caughtUp();
    await this.clock.advance(seconds);
  }

  async sleep({ seconds }) {
    await this.caughtUp();
    await this.clock.sleep(seconds);
  }

  /** Before the clock moves, what waits for the runner goes on: it answers tokens and most handshakes at once. */
  async caughtUp() {
    await this.clock.settle();
    const isWaiting = () => this.tokens.some(({ isAnswered }) => !isAnswered) || socket?.readyState === 0;
    for (let waits = 0; isWaiting() && waits < 20; waits += 1) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  stats() {
    const live = [...this.subscriptions.values()].filter(({ state }) => state !== "ended");
    const held = live.map((subscription) => subscription[names._held]());
    const sum = (at) => held.reduce((total, counts) => total + counts[at], 0);
    const queued = this.client[names._core][names._waitingOn]().length;
    return { timers: this.clock.timers, tasks: 0, seen: sum(0), buffered: sum(1), queued };
  }
}

async function answer(id, work) {
  try {
    write({ on: "done", id, result: (await work()) ?? null });
  } catch (error) {
    if (!(error instanceof DealsError) && error?.name !== "AbortError") throw error;
    const { name, code = null, requestId = null, retryable, message } = error;
    write({ on: "done", id, error: { name, code, requestId, retryable, message } });
  }
}

const driver = new Driver();
write({ on: "hello", protocol: 1, client: "deals-client (JavaScript)", can: [hidesStatus ? "noStatus" : "status", "iterate", "storage", "order"] });
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  if (command.do === "token") driver.token(command);
  else void answer(command.id, () => driver[command.do](command));
}
process.exit(0);
