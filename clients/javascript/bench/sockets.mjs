// Services in memory: no network is measured, and both clients get the same events.

class MemorySocket {
  readyState = 0;
  bufferedAmount = 0;
  constructor() {
    queueMicrotask(() => {
      this.readyState = 1;
      this.onopen?.({});
    });
  }
  tell(frame) {
    queueMicrotask(() => this.onmessage?.({ data: JSON.stringify(frame) }));
  }
  close() {}
  terminate() {}
}

/** The deals service; `last` is the socket that was made last. */
export class DealsSocket extends MemorySocket {
  static last;
  constructor() {
    super();
    DealsSocket.last = this;
  }
  send(text) {
    const { action, data, requestId } = JSON.parse(text);
    const answers = {
      getStatus: [
        "statusUpdate",
        { userId: "ann", subscriptions: [], server: { features: ["eventFilters", "keepAlive"] } },
      ],
      subscribeToDeals: ["subscriptionConfirmed", { topic: data?.topic, position: 0 }],
      ping: ["pong", {}],
    };
    if (!answers[action]) return;
    const [type, reply] = answers[action];
    this.tell({ type, data: reply, requestId, timestamp: 1 });
  }
}

/** Centrifugo, as far as connecting and subscribing go. */
export class CentrifugoSocket extends MemorySocket {
  static last;
  constructor() {
    super();
    CentrifugoSocket.last = this;
  }
  send(text) {
    for (const line of text.split("\n")) {
      const { id, connect, subscribe } = JSON.parse(line);
      if (connect) this.tell({ id, connect: { client: "c", version: "6" } });
      else if (subscribe) this.tell({ id, subscribe: { recoverable: true, epoch: "e", offset: 0 } });
    }
  }
}

const deal = (n) => ({ title: `Laptop ${n}`, price: n % 1_000, brand: "x", text: "y".repeat(100) });

export const dealsFrame = (n) =>
  JSON.stringify({
    type: "dealUpdate",
    data: deal(n),
    topic: "electronics.laptops",
    eventId: `shop-${n}`,
    position: n,
    filters: { brand: "x" },
    timestamp: 1_795_382_480,
  });

export const centrifugoFrame = (n) =>
  JSON.stringify({ push: { channel: "electronics.laptops", pub: { data: deal(n), offset: n } } });
