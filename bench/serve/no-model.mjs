// The ceiling: fastify that parses a row and answers the same for every one.
import Fastify from "fastify";

const app = Fastify();
const answer = { label: "approve", probabilities: { reject: 0.2, approve: 0.8 }, score: 0.8 };
app.post("/decisions", async () => answer);
await app.listen({ port: 9103, host: "127.0.0.1" });
