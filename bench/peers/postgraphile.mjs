// PostGraphile over the same database: node postgraphile.mjs PORT DSN [rls]
import { createServer } from "node:http";
import { postgraphile } from "postgraphile";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { makePgService } from "postgraphile/adaptors/pg";
import { grafserv } from "postgraphile/grafserv/node";

const [port, connectionString, rls] = process.argv.slice(2);
const settings = { role: "reader", "bench.regions": "R0,R1,R2,R3,R4,R5,R6,R7,R8,R9" };
const preset = {
  extends: [PostGraphileAmberPreset],
  pgServices: [makePgService({ connectionString, superuserConnectionString: connectionString, schemas: ["public"], poolConfig: { max: 10 } })],
  grafserv: { graphiql: false, watch: false, graphqlPath: "/graphql" },
  grafast: {
    explain: false,
    context: (ctx) => rls
      ? { pgSettings: { ...settings, "bench.subject": String(ctx.node?.req?.headers.authorization ?? "").slice(-32) } }
      : {},
  },
};
const serv = postgraphile(preset).createServ(grafserv);
const server = createServer();
await serv.addTo(server);
server.listen(Number(port), "127.0.0.1");
process.on("SIGTERM", () => process.exit(0));
