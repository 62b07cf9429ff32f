import { expect, it } from "vitest";
import { loopbackCandidates } from "../../../src/node/loopback-candidates.js";

const wish = { port: undefined, hostname: undefined };
const on = (hostname: string, port: number, path = "/callback"): object => ({ hostname, port, path });

it("listens on any port for a client that is not registered yet", () => {
  expect(loopbackCandidates([], wish)).toEqual([on("127.0.0.1", 0)]);
  expect(loopbackCandidates([], { ...wish, hostname: "localhost" })).toEqual([on("localhost", 0)]);
  expect(loopbackCandidates([], { hostname: "::1", port: 7000 })).toEqual([on("::1", 7000)]);
});

it("tries what is registered, IP literals first, before it takes another port", () => {
  const registered = ["http://localhost:7001/cb", "http://127.0.0.1:7002/callback", "http://[::1]:7003/cb"];
  expect(loopbackCandidates(registered, wish)).toEqual([
    on("127.0.0.1", 7002),
    on("localhost", 7001, "/cb"),
    on("::1", 7003, "/cb"),
    on("127.0.0.1", 0),
  ]);
  expect(loopbackCandidates(registered, { ...wish, hostname: "localhost" })).toEqual([
    on("localhost", 7001, "/cb"),
    on("localhost", 0, "/cb"),
  ]);
});

it("keeps the path and the name of a redirect URI that is registered without a port", () => {
  expect(loopbackCandidates(["http://localhost/oauth/cb"], wish)[0]).toEqual(on("localhost", 0, "/oauth/cb"));
});

it("has one place to try when the caller names the port", () => {
  const registered = ["http://127.0.0.1:7001/one", "http://127.0.0.1:7002/two", "http://127.0.0.1/any"];
  expect(loopbackCandidates(registered, { ...wish, port: 7002 })).toEqual([on("127.0.0.1", 7002, "/two")]);
  expect(loopbackCandidates(registered, { ...wish, port: 7003 })).toEqual([on("127.0.0.1", 7003, "/any")]);
  expect(loopbackCandidates(registered.slice(0, 2), { ...wish, port: 7003 })).toEqual([on("127.0.0.1", 7003)]);
});

it("passes over what is not loopback http, and what it cannot listen for", () => {
  const registered = [
    "https://host.example/callback",
    "com.example.app:/callback",
    "http://127.0.0.1.example:7001/callback",
    "http://127.0.0.2:7001/callback",
    "https://127.0.0.1:7001/callback",
    "http://127.0.0.1:7001/callback?tenant=1",
    "http://127.0.0.1:7001",
    "not a URL",
  ];
  expect(loopbackCandidates(registered, wish)).toEqual([on("127.0.0.1", 0)]);
});
