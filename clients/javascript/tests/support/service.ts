import { DealsClient, type ClientOptions, type StateChange, type Warning } from "../../src/index.js";
import { FakeClock } from "./clock.js";

export interface Request {
  action: string;
  data: Record<string, any>;
  requestId?: string;
}

/** The socket of a client, seen from the service. */
export class FakeSocket {
  readyState = 0;
  bufferedAmount = 0;
  onopen: ((event: unknown) => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onerror: ((event: object) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  readonly requests: Request[] = [];
  isClosedByClient = false;

  constructor(
    readonly url: string,
    readonly protocols: string[],
    private readonly service: FakeService,
  ) {
    service.sockets.push(this);
    void Promise.resolve().then(() => service.connecting(this));
  }

  send(text: string): void {
    const request = JSON.parse(text) as Request;
    this.requests.push(request);
    void Promise.resolve().then(() => this.service.answer(this, request));
  }

  close(): void {
    this.isClosedByClient = true;
    if (this.service.closesPolitely) void Promise.resolve().then(() => this.onclose?.({ code: 1000 }));
  }

  terminate(): void {
    this.isClosedByClient = true;
  }

  open(): void {
    this.readyState = 1;
    this.onopen?.({});
  }

  /** Refuse the handshake: with the status as `ws` shows it, or without as a browser. */
  refuse(status?: number): void {
    this.onerror?.(status ? { message: `Unexpected server response: ${status}` } : {});
    this.onclose?.({ code: 1006 });
  }

  push(frame: object): void {
    this.onmessage?.({ data: JSON.stringify({ timestamp: 1_795_382_480, ...frame }) });
  }

  drop(code = 1006): void {
    this.readyState = 3;
    this.onclose?.({ code });
  }

  heard(action: string): Request[] {
    return this.requests.filter((request) => request.action === action);
  }
}

/** A service whose answers a test scripts; what it does not script is answered well. */
export class FakeService {
  readonly clock = new FakeClock();
  readonly sockets: FakeSocket[] = [];
  readonly tokenReasons: string[] = [];
  readonly states: StateChange[] = [];
  readonly warnings: Warning[] = [];
  closesPolitely = true;
  random = 0.5;
  features = ["eventFilters", "getEvents", "keepAlive", "recent"];
  position = 100;
  tokenLifeS = 3_600;
  status: Record<string, unknown> = {};
  handshake: (socket: FakeSocket) => void = (socket) => socket.open();
  token: (reason: string) => string | Promise<string> = () => `token-${this.tokenReasons.length}`;
  /** Answers by action: data of the reply, a whole frame with a type, or null for no answer. */
  readonly answers: Record<
    string,
    (data: Record<string, any>, socket: FakeSocket) => Record<string, unknown> | null
  > = {};

  /** The class of sockets that lead to this service. */
  socketClass(): new (url: string, protocols: string[]) => FakeSocket {
    const service = this;
    return class extends FakeSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols, service);
      }
    };
  }

  client(options: Partial<ClientOptions> = {}): DealsClient {
    const client = new DealsClient({
      url: "wss://deals.example/live",
      getToken: ({ reason }) => {
        this.tokenReasons.push(reason);
        return this.token(reason);
      },
      WebSocket: this.socketClass(),
      clock: this.clock,
      random: () => this.random,
      ...options,
    });
    client.on("state", (change) => this.states.push(change));
    client.on("warning", (warning) => this.warnings.push(warning));
    return client;
  }

  async connected(options: Partial<ClientOptions> = {}): Promise<DealsClient> {
    const client = this.client(options);
    void client.connect();
    await this.clock.settle();
    return client;
  }

  get socket(): FakeSocket {
    return this.sockets.at(-1)!;
  }

  connecting(socket: FakeSocket): void {
    this.handshake(socket);
  }

  /** The names of the states so far. */
  get path(): string[] {
    return this.states.map(({ state }) => state);
  }

  heard(action: string): Request[] {
    return this.sockets.flatMap((socket) => socket.heard(action));
  }

  event(position: number, more: object = {}): Record<string, unknown> {
    return {
      type: "dealUpdate",
      topic: "travel",
      eventId: `e${position}`,
      position,
      data: { n: position },
      timestamp: 1,
      ...more,
    };
  }

  error(code: string, details?: unknown): Record<string, unknown> {
    return { type: "error", data: { code, message: code, details } };
  }

  answer(socket: FakeSocket, { action, data, requestId }: Request): void {
    const reply = (this.answers[action] ?? (() => this.defaultAnswer(action, data ?? {})))(data, socket);
    if (reply && socket.onmessage)
      socket.push({
        ...("type" in reply && "data" in reply ? reply : { type: this.typeOf(action), data: reply }),
        ...(requestId && { requestId }),
      });
  }

  private typeOf(action: string): string {
    return (
      {
        subscribeToDeals: "subscriptionConfirmed",
        unsubscribeFromDeals: "unsubscriptionConfirmed",
        getEvents: "events",
        getStatus: "statusUpdate",
        sendMessage: "messageSent",
        getMessages: "messages",
        notificationAck: "notificationAcked",
        getPresence: "presence",
        refreshToken: "tokenRefreshed",
        ping: "pong",
      }[action] ?? action
    );
  }

  private defaultAnswer(action: string, data: Record<string, any>): Record<string, unknown> | null {
    switch (action) {
      case "keepAlive":
        return null;
      case "getStatus":
        return {
          connectionId: `c${this.sockets.length}`,
          userId: "ann",
          connectedSince: 1,
          tokenExpiresAt: 1_795_382_480 + this.tokenLifeS,
          subscriptions: [],
          unread: 0,
          systemStatus: "operational",
          ...(this.features.length > 0 && { server: { features: this.features } }),
          ...this.status,
        };
      case "subscribeToDeals":
        return {
          topic: data.topic,
          filters: data.filters,
          position: this.position,
          ...("since" in data && { recovered: true, events: [] }),
        };
      case "getEvents":
        return { topic: data.topic, events: [], position: this.position, recovered: true };
      case "sendMessage":
        return { messageId: "m1", recipientId: data.recipientId, timestamp: 1 };
      case "getMessages":
        return { messages: [] };
      case "refreshToken":
        return { expiresAt: 1_795_382_480 + 2 * this.tokenLifeS };
      default:
        return { topic: data.topic };
    }
  }
}
