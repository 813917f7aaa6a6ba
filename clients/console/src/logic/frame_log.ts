export type Direction = "sent" | "got";

/** A frame as it was on the wire, with tokens taken out. */
export interface LoggedFrame {
  number: number;
  /** Epoch milliseconds. */
  at: number;
  direction: Direction;
  type: string;
  /** Bytes of UTF-8. */
  size: number;
  text: string;
  requestId: string | undefined;
  /** Of a reply: milliseconds since its request. */
  answeredInMs: number | undefined;
}

/** What a frame says at its top, as far as it can be read. */
export interface Head {
  type?: unknown;
  action?: unknown;
  requestId?: unknown;
  data?: unknown;
}

const FRAMES_MAX = 5_000;
const BYTES_MAX = 20_000_000;
const WAITING_MAX = 500;

/** The last frames of both directions, bounded by count and by size; the oldest go first. */
export class FrameLog {
  frames: LoggedFrame[] = [];
  /** How many were let go. */
  dropped = 0;
  private bytes = 0;
  private total = 0;
  private readonly askedAt = new Map<string, number>();

  constructor(
    private readonly framesMax = FRAMES_MAX,
    private readonly bytesMax = BYTES_MAX,
  ) {}

  add(direction: Direction, text: string, head: Head, at: number): LoggedFrame {
    this.total += 1;
    const requestId = typeof head.requestId === "string" ? head.requestId : undefined;
    const frame = {
      number: this.total,
      at,
      direction,
      type: String(head.action ?? head.type ?? "gateway"),
      size: sizeOf(text),
      text: direction === "sent" ? withoutToken(text, head) : text,
      requestId,
      answeredInMs: this.join(direction, requestId, at),
    };
    this.frames.push(frame);
    this.bytes += frame.size;
    this.trim();
    return frame;
  }

  clear(): void {
    this.dropped += this.frames.length;
    this.frames = [];
    this.bytes = 0;
  }

  private join(direction: Direction, requestId: string | undefined, at: number): number | undefined {
    if (requestId === undefined) return undefined;
    if (direction === "got") {
      const asked = this.askedAt.get(requestId);
      this.askedAt.delete(requestId);
      return asked === undefined ? undefined : at - asked;
    }
    this.askedAt.set(requestId, at);
    if (this.askedAt.size > WAITING_MAX) this.askedAt.delete(this.askedAt.keys().next().value!);
    return undefined;
  }

  private trim(): void {
    if (this.frames.length <= this.framesMax && this.bytes <= this.bytesMax) return;
    let gone = 0;
    while (this.frames.length - gone > this.framesMax || this.bytes > this.bytesMax)
      this.bytes -= this.frames[gone++]!.size;
    // In blocks, since each cut copies the list.
    this.frames = this.frames.slice(gone);
    this.dropped += gone;
  }
}

/** The frames that contain a text, in the order in which they came. */
export function select(frames: readonly LoggedFrame[], query: string): LoggedFrame[] {
  const wanted = query.trim().toLowerCase();
  if (!wanted) return [...frames];
  return frames.filter(
    ({ text, type, direction }) =>
      text.toLowerCase().includes(wanted) || type.toLowerCase().includes(wanted) || direction === wanted,
  );
}

/** One line of JSON for each frame, in the order in which they came. */
export function toNdjson(frames: readonly LoggedFrame[]): string {
  return frames.map(({ at, direction, text }) => `${JSON.stringify({ at, direction, text })}\n`).join("");
}

function withoutToken(text: string, head: Head): string {
  if (head.action !== "refreshToken") return text;
  return JSON.stringify({ ...head, data: { token: "$TOKEN" } });
}

function sizeOf(text: string): number {
  let size = text.length;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code > 0x7f) size += code > 0x7ff && (code < 0xd800 || code > 0xdfff) ? 2 : 1;
  }
  return size;
}
