// For runtimes that run a program: the request is its last argument, and the answer what it prints.
import { flow } from "./flow.mjs";

const request = globalThis.Deno === undefined ? process.argv.at(-1) : Deno.args.at(-1);
console.log(JSON.stringify(await flow(JSON.parse(request))));
