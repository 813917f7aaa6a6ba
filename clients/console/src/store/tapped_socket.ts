import type { Head } from "../logic/frame_log";

/** Told what happens on every socket of the page's client. */
export interface Tap {
  frame(direction: "sent" | "got", text: string, head: Head): void;
  opened(socket: WebSocket): void;
  closed(code: number, wasOpen: boolean): void;
}

const PING = '{"action":"ping","requestId":"console-';

/** A class of sockets that tells a tap of every frame, and counts those that are open. */
export function tapSockets(tap: Tap): new (url: string, protocols: string[]) => WebSocket {
  return class TappedSocket extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      let wasOpen = false;
      this.addEventListener("open", () => {
        wasOpen = true;
        tap.opened(this);
      });
      this.addEventListener("message", ({ data }) => tap.frame("got", String(data), readHead(String(data))));
      this.addEventListener("close", ({ code }) => tap.closed(code, wasOpen));
    }

    override send(text: string): void {
      tap.frame("sent", text, readHead(text));
      super.send(text);
    }
  };
}

let pings = 0;

/** Ask a socket for an answer, to see how long it takes. */
export function ping(socket: WebSocket): void {
  pings += 1;
  socket.send(`${PING}${pings}"}`);
}

export function isOwnPing(requestId: string | undefined): boolean {
  return requestId?.startsWith("console-") ?? false;
}

function readHead(text: string): Head {
  try {
    return (JSON.parse(text) as Head | null) ?? {};
  } catch {
    return {};
  }
}
