// Composes the three subgraphs: node hive.mjs products=URL reviews=URL users=URL > supergraph.graphql
import { readFileSync } from "node:fs";
import { parse } from "graphql";
import { composeServices } from "@theguild/federation-composition";

const services = process.argv.slice(2).map((argument) => {
  const at = argument.indexOf("=");
  const name = argument.slice(0, at);
  return { name, url: argument.slice(at + 1), typeDefs: parse(readFileSync(new URL(`./${name}.graphql`, import.meta.url), "utf8")) };
});
const result = composeServices(services);
if (!result.supergraphSdl) {
  console.error(result.errors);
  process.exit(1);
}
process.stdout.write(result.supergraphSdl);
