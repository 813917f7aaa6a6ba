// 500 clients lose their connections at one moment; the service admits 50 handshakes a second. No time passes:
// the clients' clock is moved.

import { DealsClient } from "../dist/index.js";
import { DealsSocket } from "./sockets.mjs";

const CLIENTS = 500;
const ADMITTED_PER_SECOND = 50;
const LIMIT_SECONDS = 300;

/** A clock that is moved; what a timer begins has the time to go on before the next one fires. */
class Clock {
  time = 1_795_382_480_000;
  timers = new Set();
  now = () => this.time;
  clearTimeout = (timer) => this.timers.delete(timer);
  setTimeout = (callback, ms) => {
    const timer = { callback, due: this.time + ms };
    this.timers.add(timer);
    return timer;
  };

  async advance(ms) {
    const end = this.time + ms;
    for (;;) {
      let next;
      for (const timer of this.timers) if (timer.due <= end && !(timer.due >= next?.due)) next = timer;
      if (!next) break;
      this.time = Math.max(this.time, next.due);
      this.timers.delete(next);
      next.callback();
      for (let turns = 0; turns < 20; turns += 1) await undefined;
    }
    this.time = end;
  }
}

/** Numbers in [0, 1) that are the same in every run (a linear congruential generator). */
function draws() {
  let state = 7;
  return () => (state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32) / 2 ** 32;
}

/** Returns the seconds until all are back and subscribed, the attempts in the busiest second, and of a client. */
export async function returnAtOnce() {
  const clock = new Clock();
  const began = clock.now();
  const second = () => Math.floor((clock.now() - began) / 1000);
  const attempts = new Map();
  const admitted = new Map();
  const open = new Set();
  let isStorm = false;

  class Socket extends DealsSocket {
    constructor() {
      super();
      const now = second();
      const count = admitted.get(now) ?? 0;
      if (isStorm) attempts.set(now, (attempts.get(now) ?? 0) + 1);
      if (!isStorm || count < ADMITTED_PER_SECOND) {
        admitted.set(now, count + 1);
        open.add(this);
      } else
        queueMicrotask(() => {
          this.onerror?.({ message: "Unexpected server response: 429" });
          this.onclose?.({ code: 1006 });
        });
    }
  }
  const random = draws();
  const clients = Array.from(
    { length: CLIENTS },
    () => new DealsClient({ url: "wss://h/s", getToken: () => "t", WebSocket: Socket, clock, random }),
  );
  const subscriptions = clients.map((one) => one.subscribe("electronics.laptops", { onEvent: () => {} }));
  await Promise.all(clients.map((one) => one.connect()));
  await Promise.all(subscriptions.map(({ ready }) => ready));

  isStorm = true;
  const start = clock.now();
  for (const socket of [...open]) socket.onclose({ code: 1006 });
  const areBack = () => subscriptions.every(({ state }) => state === "live");
  while (!areBack() && clock.now() - start < LIMIT_SECONDS * 1000) await clock.advance(500);
  const seconds = (clock.now() - start) / 1000;
  if (!areBack()) throw new Error(`not all clients were back after ${LIMIT_SECONDS} s`);

  const counts = [...attempts.values()];
  const total = counts.reduce((sum, count) => sum + count, 0);
  return { seconds, busiestSecond: Math.max(...counts), attemptsOfAClient: total / CLIENTS };
}
