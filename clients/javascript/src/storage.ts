import { own } from "./own.js";
import type { Timer, Timers } from "./clock.js";
import type { Storage } from "./types.js";
import type { Subscription } from "./subscription.js";

const SAVE_EVERY_MS = 1_000;
const FRESH_MS = 24 * 3_600_000;
const IDS_MAX = 200;

interface Saved {
  user: string;
  time: number;
  topics: Record<string, { position: number; ids: string[] }>;
}

/** Positions that outlive the client, of the same user and for a day. */
export class Positions {
  /** The user of the connection, told by the service. */
  private user: string | undefined;
  private loaded: Saved | undefined;
  private loading: Promise<void> | undefined;
  private timer: Timer | undefined;

  constructor(
    private readonly storage: Storage | undefined,
    private readonly timers: Timers,
    private readonly subscriptions: () => Subscription<never>[],
    private readonly warn: (code: string, message: string, cause: unknown) => void,
  ) {}

  /** Whether there are stored positions whose user must be known before they are used. */
  get areUnproven(): boolean {
    return this.loaded !== undefined && this.user === undefined;
  }

  /** Read what is stored, once. */
  load(): Promise<void> | undefined {
    if (!this.storage) return undefined;
    return (this.loading ??= this.read(this.storage));
  }

  /** The service said who the user is; positions of another one are dropped. */
  useUser(user: string): void {
    this.user = user;
    if (this.loaded?.user !== user) this.loaded = undefined;
    for (const subscription of this.subscriptions()) this.restore(subscription);
  }

  /** Give a subscription without a position the stored one. */
  restore(subscription: Subscription<never>): void {
    const saved = this.user === undefined ? undefined : own(this.loaded?.topics, subscription.topic);
    if (saved && subscription.position === undefined) subscription.restore(saved.position, saved.ids);
  }

  /** Save soon: once a second at most. */
  moved(): void {
    if (this.storage) this.timer ??= this.timers.start(SAVE_EVERY_MS, () => this.save());
  }

  save(): void {
    this.timer?.stop();
    this.timer = undefined;
    if (!this.storage || this.user === undefined) return;
    const topics: Saved["topics"] = { ...this.loaded?.topics };
    const lowest = new Set<string>();
    for (const subscription of this.subscriptions()) {
      const { topic, safePosition } = subscription;
      if (safePosition === undefined || (lowest.has(topic) && topics[topic]!.position <= safePosition))
        continue;
      lowest.add(topic);
      topics[topic] = { position: safePosition, ids: subscription.takenIds(IDS_MAX) };
    }
    const saved: Saved = { user: this.user, time: this.timers.now(), topics };
    const failed = (error: unknown): void =>
      this.warn("storageFailed", "positions could not be saved", error);
    try {
      Promise.resolve(this.storage.save(JSON.stringify(saved))).catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  private async read(storage: Storage): Promise<void> {
    try {
      const saved = JSON.parse((await storage.load()) ?? "null") as Saved | null;
      if (saved && this.timers.now() - saved.time < FRESH_MS) this.loaded = saved;
    } catch (error) {
      this.warn("storageFailed", "stored positions could not be read", error);
    }
  }
}

/** Storage in `sessionStorage` (each tab its own) or `localStorage` (one page at a time). */
export function webStorage(
  area: { getItem(key: string): string | null; setItem(key: string, value: string): void },
  key = "deals-client",
): Storage {
  return { load: () => area.getItem(key), save: (text) => area.setItem(key, text) };
}
