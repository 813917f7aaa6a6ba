import type { Clock } from "../../src/clock.js";

/** A clock that stands still until a test moves it. */
export class FakeClock implements Clock {
  private time = 1_795_382_480_000;
  private readonly timers = new Map<number, { due: number; callback: () => void }>();
  private count = 0;

  now(): number {
    return this.time;
  }

  setTimeout(callback: () => void, ms: number): unknown {
    this.count += 1;
    this.timers.set(this.count, { due: this.time + ms, callback });
    return this.count;
  }

  clearTimeout(timer: unknown): void {
    this.timers.delete(timer as number);
  }

  get running(): number {
    return this.timers.size;
  }

  /** Let what was begun go on. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Move on by so long, and fire each timer at its time. */
  async advance(ms: number): Promise<void> {
    const end = this.time + ms;
    await this.settle();
    for (;;) {
      const [id, next] = [...this.timers].sort(([, a], [, b]) => a.due - b.due)[0] ?? [];
      if (id === undefined || next!.due > end) break;
      this.time = Math.max(this.time, next!.due);
      this.timers.delete(id);
      next!.callback();
      await this.settle();
    }
    this.time = end;
    await this.settle();
  }

  /** Sleep for so long, as a machine does: the time passes first, then what is due fires late. */
  async sleep(ms: number): Promise<void> {
    this.time += ms;
    await this.advance(0);
  }
}
