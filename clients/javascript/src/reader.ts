import { quiet, type Deferred, defer } from "./calls.js";
import type { DealEvent } from "./types.js";

/** Events that wait for an iterator. */
export class Reader<Data> {
  private readonly events: DealEvent<Data>[] = [];
  private readonly takers: Deferred<IteratorResult<DealEvent<Data>, undefined>>[] = [];
  private over = false;
  private error: unknown;

  /** `taken` is called with each event that the iterator takes, `drained` when it has taken the last one. */
  constructor(
    private readonly max: number,
    private readonly taken: (event: DealEvent<Data>) => void,
    private readonly drained: () => void,
  ) {}

  get size(): number {
    return this.events.length;
  }

  get ids(): string[] {
    return this.events.map(({ eventId }) => eventId);
  }

  get isFull(): boolean {
    return this.events.length >= this.max;
  }

  add(event: DealEvent<Data>): void {
    const taker = this.takers.shift();
    if (!taker) return void this.events.push(event);
    this.taken(event);
    taker.resolve({ done: false, value: event });
  }

  next(): Promise<IteratorResult<DealEvent<Data>, undefined>> {
    const event = this.events.shift();
    if (event) {
      this.taken(event);
      if (this.events.length === 0) this.drained();
      return Promise.resolve({ done: false, value: event });
    }
    if (this.over) {
      const error = this.error;
      this.error = undefined;
      return error === undefined
        ? Promise.resolve({ done: true, value: undefined })
        : quiet(Promise.reject(error));
    }
    const taker = defer<IteratorResult<DealEvent<Data>, undefined>>();
    this.takers.push(taker);
    return taker.promise;
  }

  /** No more events come; an error is thrown once, after the events that wait. */
  end(error?: unknown): void {
    this.over = true;
    this.error = error;
    for (const taker of this.takers.splice(0)) {
      if (this.error === undefined) taker.resolve({ done: true, value: undefined });
      else taker.reject(this.error);
      this.error = undefined;
    }
  }
}
