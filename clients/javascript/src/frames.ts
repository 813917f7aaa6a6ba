import type { Socket, SocketClass } from "./types.js";

/** A text frame as it was on the wire. */
export interface RawFrame {
  direction: "sent" | "received";
  /** The token of a `refreshToken` is left out. */
  text: string;
  /** Epoch milliseconds. */
  at: number;
  /** 1 for the first socket that was opened, 2 for the second: two are open during a hand-over. */
  connection: number;
}

interface Listened extends Socket {
  addEventListener(name: "message", listener: (event: { data: unknown }) => void): void;
}

/**
 * A class of sockets that tells every text frame, both ways and before the client handles it:
 * `new DealsClient({ WebSocket: tapFrames(WebSocket, listener), … })`. The listener must not throw.
 */
export function tapFrames(base: unknown, listener: (frame: RawFrame) => void): SocketClass {
  let opened = 0;

  return class extends (base as new (url: string, protocols: string[]) => Listened) {
    readonly connection = (opened += 1);

    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      this.addEventListener("message", ({ data }) => this.tell("received", String(data)));
    }

    override send(text: string): void {
      super.send(text);
      this.tell("sent", text.replace(/^(\{"action":"refreshToken","data":\{"token":")[^"]*/, "$1…"));
    }

    private tell(direction: RawFrame["direction"], text: string): void {
      listener({ direction, text, at: Date.now(), connection: this.connection });
    }
  };
}
