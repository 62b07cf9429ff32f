// Preloaded by `NODE_OPTIONS`: the clock of the process goes ahead by as much as the environment says.
import process from "node:process";

const { now } = Date;
const ahead = Number(process.env["CLOCK_AHEAD_MS"]);
Date.now = () => now() + ahead;
