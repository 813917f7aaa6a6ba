import type { Frame } from "./types.js";
import type { EventFrame, PushData } from "./wire.js";

/** Where the frames of a connection go. */
export interface FrameHandlers {
  event(frame: EventFrame): void;
  /** Returns false if the frame answers nothing. */
  reply(frame: Frame): boolean;
  pushed: { [Type in Exclude<keyof PushData, "batch">]: (data: PushData[Type]) => void };
  warn(code: string, message: string, cause: unknown): void;
}

/** Replies that may come after their request was given up, or to one without an id. */
const REPLIES = new Set([
  "pong",
  "subscriptionConfirmed",
  "unsubscriptionConfirmed",
  "events",
  "messageSent",
  "messages",
  "notificationAcked",
  "statusUpdate",
  "presence",
  "tokenRefreshed",
]);

/**
 * Hand a frame to whom it is for. One with a position is an event, whatever its type. One that cannot be read is
 * a warning, so that the others of its batch arrive.
 */
export function dispatch(frame: Frame, to: FrameHandlers): void {
  try {
    route(frame, to);
  } catch (error) {
    to.warn("badFrame", "a frame is malformed", error);
  }
}

function route(frame: Frame, to: FrameHandlers): void {
  const { type, data = {} } = frame;
  if (typeof frame.position === "number" && frame.topic && frame.eventId)
    return to.event(frame as EventFrame);
  if (type === "batch" && Array.isArray(data.frames)) {
    for (const inner of data.frames as Frame[]) dispatch(inner, to);
    return;
  }
  if (type === undefined)
    return to.warn(
      "gatewayFrame",
      `API Gateway says: ${String((frame as { message?: unknown }).message)}`,
      frame,
    );
  if (frame.requestId !== undefined && to.reply(frame)) return;

  const isPush = Object.prototype.hasOwnProperty.call(to.pushed, type);
  if (isPush) to.pushed[type as keyof FrameHandlers["pushed"]](data as never);
  else if (type === "error") {
    if (frame.requestId === undefined)
      to.warn("unexpectedError", `${String(data.code)}: ${String(data.message)}`, frame);
  } else if (!REPLIES.has(type)) to.warn("unknownFrame", `a frame of the unknown type ${type}`, frame);
}
