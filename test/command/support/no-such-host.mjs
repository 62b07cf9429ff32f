// Preloaded by `NODE_OPTIONS`: no name is known, which a resolver somewhere would tell sooner, later or never.
import dns from "node:dns";
import process from "node:process";

dns.lookup = (hostname, options, callback = options) => {
  const failure = Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: "ENOTFOUND", hostname });
  process.nextTick(callback, failure);
};
