// The AWS SDK for JavaScript v3 with Promise.all, as most would write it: see posters.py for arguments and output.
import {
  ApiGatewayManagementApiClient,
  PostToConnectionCommand,
} from "@aws-sdk/client-apigatewaymanagementapi";
import { readFileSync } from "node:fs";
import { Agent } from "node:https";

const [endpoint, count, connections, size] = process.argv.slice(2);
const client = new ApiGatewayManagementApiClient({
  endpoint,
  region: "eu-west-1",
  requestHandler: {
    httpsAgent: new Agent({
      ca: readFileSync(process.env.AWS_CA_BUNDLE),
      keepAlive: true,
      maxSockets: Number(connections),
    }),
    socketAcquisitionWarningTimeout: 600_000,
  },
});
const payload = "x".repeat(Number(size));

async function post(number) {
  const ids = Array.from({ length: number }, (_, at) => `L0SM${String(at).padStart(8, "0")}FvH=`);
  const answers = await Promise.all(
    ids.map((ConnectionId) => client.send(new PostToConnectionCommand({ ConnectionId, Data: payload }))),
  );
  return answers.filter((answer) => answer.$metadata.httpStatusCode === 200).length;
}

await post(Math.min(Number(count), 2 * Number(connections)));
const started = performance.now();
const used = process.cpuUsage();
const reached = await post(Number(count));
const seconds = (performance.now() - started) / 1000;
const { user, system } = process.cpuUsage(used);
console.log(JSON.stringify({ reached, seconds, cpu_seconds: (user + system) / 1e6 }));
