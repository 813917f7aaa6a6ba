import type { Timer, Timers } from "./clock.js";
import type { Lifecycle } from "./types.js";

const TICK_MS = 10_000;
const JUMP_MS = 5_000;

/** What the surroundings tell: the page or app, the network, the sleep of the machine. */
export interface AlertnessHost {
  /** Something may have changed: ask whether the connection lives, or end a wait. */
  doubt(hasSlept: boolean): void;
  /** The network seems to be gone, which is a question, not an answer. */
  offline(): void;
  /** The heartbeat's interval may have changed. */
  replan(): void;
  hide(): void;
  show(): void;
}

/** Listens to the surroundings between `start` and `stop`. */
export class Alertness {
  private stopListening: (() => void) | undefined;
  private tick: Timer | undefined;

  constructor(
    private readonly lifecycle: Lifecycle | undefined,
    private readonly timers: Timers,
    private readonly host: AlertnessHost,
  ) {}

  start(): void {
    this.watchClock();
    this.stopListening ??= this.lifecycle?.listen((event) => {
      if (event === "active") {
        this.host.replan();
        this.host.doubt(false);
      } else if (event === "inactive") this.host.replan();
      else if (event === "online") this.host.doubt(false);
      else if (event === "offline") this.host.offline();
      else if (event === "pagehide") this.host.hide();
      else this.host.show();
    });
  }

  /** Stop looking at the clock; a page that is hidden in the cache still hears of its return. */
  pause(): void {
    this.tick?.stop();
    this.tick = undefined;
  }

  stop(): void {
    this.pause();
    this.stopListening?.();
    this.stopListening = undefined;
  }

  /** A timer that is far too late tells of a sleep; in hidden pages timers are late without one. */
  private watchClock(): void {
    this.tick?.stop();
    this.tick = this.timers.start(TICK_MS, (lateMs) => {
      this.watchClock();
      if (lateMs > JUMP_MS && (this.lifecycle?.isActive() ?? true)) this.host.doubt(true);
    });
  }
}
