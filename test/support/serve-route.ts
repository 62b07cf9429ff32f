// node serve-route.ts FILE: serves the function GET of a file at every path, and prints where, as a process of its own.
import process from "node:process";
import { serve } from "./serve.ts";

const route = (await import(process.argv[2] ?? "")) as { readonly GET: (request: Request) => Promise<Response> };
const served = await serve(() => route.GET);
console.log(`Serving ${served.origin}\n`);
