// A service on a socket of this machine, in a process of its own.

import { WebSocketServer } from "ws";
import { DealsSocket, dealsFrame } from "./sockets.mjs";

const sockets = new Map();
const server = new WebSocketServer({ port: 0, host: "localhost", handleProtocols: () => "deals.v1" });
server.on("listening", () => process.send({ port: server.address().port }));
server.on("connection", (socket, { url }) => {
  sockets.set(url, socket);
  const answers = { tell: (frame) => socket.send(JSON.stringify(frame)) };
  socket.on("message", (text) => DealsSocket.prototype.send.call(answers, text.toString()));
});
process.on("message", ({ path, first, count }) => {
  for (let n = first; n < first + count; n += 1) sockets.get(path).send(dealsFrame(n));
});
