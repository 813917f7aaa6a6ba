// A clock that stands still until it is moved: the twin of manual_clock.py.

const START_MS = 1_795_382_480_000;

/** Time and timers of a client, moved by the runner's commands. */
export class ManualClock {
  #now = START_MS;
  #timers = new Map();
  #count = 0;

  now() {
    return this.#now;
  }

  setTimeout(callback, ms) {
    this.#count += 1;
    this.#timers.set(this.#count, { due: this.#now + ms, callback });
    return this.#count;
  }

  clearTimeout(timer) {
    this.#timers.delete(timer);
  }

  get timers() {
    return this.#timers.size;
  }

  /** Move on, and fire each timer that is due, in order, with the clock at its time. */
  async advance(seconds) {
    const end = this.#now + seconds * 1000;
    await this.settle();
    for (;;) {
      const [id, next] = [...this.#timers].sort(([, a], [, b]) => a.due - b.due)[0] ?? [];
      if (id === undefined || next.due > end) break;
      this.#now = Math.max(this.#now, next.due);
      this.#timers.delete(id);
      next.callback();
      await this.settle();
    }
    this.#now = end;
    await this.settle();
  }

  /** Sleep as a machine does: the time passes first, then what is due fires late. */
  async sleep(seconds) {
    this.#now += seconds * 1000;
    await this.advance(0);
  }

  /** A pause for what a timer has begun. */
  async settle() {
    for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }
}
