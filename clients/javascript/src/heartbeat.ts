import type { Timer, Timers } from "./clock.js";
import type { Connection } from "./connection.js";
import type { Settings } from "./options.js";

const LATE_MS = 1_000;
const LATE_EXTRA_MS = 5_000;

/** Keeps one connection open and finds out whether it lives. Any frame is a sign of life. */
export class Heartbeat {
  private timer: Timer | undefined;
  private asking: Timer | undefined;

  constructor(
    private readonly connection: Connection,
    private readonly timers: Timers,
    private readonly settings: Settings,
    /** After how long without a frame a ping asks now; undefined: `keepAlive` alone keeps open. */
    private readonly pingAfterMs: () => number | undefined,
    private readonly dead: () => void,
  ) {}

  /** Begin, or look anew at when the next heartbeat is due. */
  plan(): void {
    this.timer?.stop();
    const pingAfterMs = this.pingAfterMs();
    const { lastReceivedAt, lastSentAt } = this.connection;
    const due =
      pingAfterMs === undefined
        ? Math.max(lastReceivedAt, lastSentAt) + this.settings.limits.keepAliveAfterMs
        : lastReceivedAt + pingAfterMs;
    this.timer = this.timers.start(due - this.timers.now(), () => this.beat());
  }

  /** Ask at once whether the connection lives. */
  ask(): void {
    if (this.asking) return;
    this.connection.send('{"action":"ping"}');
    this.await(this.connection.received, this.settings.limits.pingTimeoutMs);
  }

  stop(): void {
    this.timer?.stop();
    this.asking?.stop();
  }

  private beat(): void {
    const pingAfterMs = this.pingAfterMs();
    const { lastReceivedAt, lastSentAt } = this.connection;
    const now = this.timers.now();
    if (pingAfterMs !== undefined && lastReceivedAt + pingAfterMs <= now) return this.ask();
    if (
      pingAfterMs === undefined &&
      Math.max(lastReceivedAt, lastSentAt) + this.settings.limits.keepAliveAfterMs <= now
    )
      this.connection.send('{"action":"keepAlive"}');
    this.plan();
  }

  /** Wait for any frame after the first `received`. */
  private await(received: number, ms: number): void {
    this.asking = this.timers.start(ms, (lateMs) => {
      this.asking = undefined;
      if (this.connection.received > received) this.plan();
      // The machine slept, or the page was hidden: what has arrived is handled first.
      else if (lateMs > LATE_MS) this.await(received, LATE_EXTRA_MS);
      else this.dead();
    });
  }
}
