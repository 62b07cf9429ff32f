import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createFakeAuthServer } from "../../../src/testing.js";
import type { FakeAuthServer, FakeAuthServerOptions } from "../../../src/testing.js";
import { fillForm } from "../../support/html-form.js";
import type { FillFormOptions } from "../../support/html-form.js";
import { REDIRECT_URI, authorizationUrl, jsonOf, pkce, postForm, registeredClientId } from "./plain-client.js";

const { challenge, verifier } = pkce();
const HTML = { accept: "text/html,application/xhtml+xml" };

/** Opens a page as a person would, and answers its form. */
async function answerPage(
  server: FakeAuthServer,
  url: string | URL,
  decision: FillFormOptions["decision"],
  change: (fields: URLSearchParams) => void = () => undefined,
): Promise<Response> {
  const text = await (await server.fetch(url, { headers: HTML })).text();
  const form = fillForm(text.replaceAll("&amp;", "&"), new URL(url), { username: "alice", password: "", decision });
  if (form === undefined) throw new Error(text);
  change(form.fields);
  if (form.method === "POST") return server.fetch(form.action, { method: "POST", body: form.fields, headers: HTML });
  return server.fetch(`${form.action.href}?${form.fields.toString()}`, { headers: HTML });
}

async function redeem(server: FakeAuthServer, clientId: string, callback: URL) {
  return jsonOf(
    await postForm(server, "/token", {
      grant_type: "authorization_code",
      client_id: clientId,
      code: callback.searchParams.get("code") ?? "",
      code_verifier: verifier,
      redirect_uri: REDIRECT_URI,
    }),
  );
}

const callbackOf = (response: Response): URL => new URL(response.headers.get("location") ?? "");

describe("the consent page", () => {
  it("says who asks for what, and where the user goes from here", async () => {
    const server = createFakeAuthServer();
    const clientId = await registeredClientId(server, { client_name: "Notes" });
    const url = authorizationUrl(server, clientId, challenge, { scope: "notes:read notes:write" });
    const response = await server.fetch(url, { headers: HTML });
    const text = await response.text();
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
    for (const part of ["Allow Notes?", server.serverUrl, "notes:read", "notes:write", "http://127.0.0.1:8976"]) {
      expect(text).toContain(part);
    }
    expect(server.counts.authorization).toBe(1);
  });

  it("lets in nothing from elsewhere, no script, and no other style than its own", async () => {
    const server = createFakeAuthServer();
    const url = authorizationUrl(server, await registeredClientId(server), challenge);
    const response = await server.fetch(url);
    const [, style = ""] = /<style>([^]*?)<\/style>/.exec(await response.text()) ?? [];
    const hash = createHash("sha256").update(style).digest("base64");
    expect(response.headers.get("content-security-policy")).toBe(
      `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; frame-ancestors 'none'`,
    );
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(response.headers.get("referrer-policy")).toBe("no-referrer");
  });

  it("shows a client's name as text", async () => {
    const server = createFakeAuthServer();
    const clientId = await registeredClientId(server, { client_name: `<script>alert("1")</script>&'` });
    const text = await (await server.fetch(authorizationUrl(server, clientId, challenge, { scope: '"><b>' }))).text();
    expect(text).toContain("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;");
    expect(text).toContain('value="&quot;&gt;&lt;b&gt;"');
    expect(text).not.toMatch(/<script|<b>/);
  });

  it("Allow leads back with a code for what was left ticked, and for who said their name", async () => {
    const server = createFakeAuthServer();
    const clientId = await registeredClientId(server);
    const url = authorizationUrl(server, clientId, challenge, { scope: "a b" });
    const response = await answerPage(server, url, "approve", (fields) => {
      fields.delete("scope", "b");
    });
    expect(response.status).toBe(302);
    const callback = callbackOf(response);
    expect(callback.searchParams.get("state")).toBe("the-state");
    expect(callback.searchParams.get("iss")).toBe(server.issuer);
    expect(await redeem(server, clientId, callback)).toMatchObject({ scope: "a" });
    expect(server.requests.map(({ endpoint, status }) => [endpoint, status]).slice(1)).toEqual([
      ["authorization", 200],
      ["consent", 302],
      ["token", 200],
    ]);
  });

  it("Deny leads back with access_denied", async () => {
    const server = createFakeAuthServer();
    const url = authorizationUrl(server, await registeredClientId(server), challenge);
    const callback = callbackOf(await answerPage(server, url, "deny"));
    expect(callback.searchParams.get("error")).toBe("access_denied");
    expect(callback.searchParams.has("code")).toBe(false);
  });

  it("is not shown for a request that is refused anyway", async () => {
    const server = createFakeAuthServer();
    const url = authorizationUrl(server, await registeredClientId(server), challenge, { response_type: "token" });
    expect(callbackOf(await server.fetch(url)).searchParams.get("error")).toBe("unsupported_response_type");
  });

  it("judges the request again when the form comes", async () => {
    const server = createFakeAuthServer();
    const clientId = await registeredClientId(server);
    const url = authorizationUrl(server, clientId, challenge);
    const { searchParams: query } = url;
    const send = (changes: Record<string, string>, body: Record<string, string>) => {
      const action = new URL(`${server.issuer}/consent`);
      action.search = new URLSearchParams({ ...Object.fromEntries(query), ...changes }).toString();
      return server.fetch(action, { method: "POST", body: new URLSearchParams(body) });
    };
    expect((await send({ redirect_uri: "https://evil.example/" }, { decision: "allow" })).status).toBe(400);
    expect((await send({}, { decision: "perhaps" })).status).toBe(400);
    expect((await send({}, {})).status).toBe(400);
    expect(callbackOf(await send({ resource: "https://x.example" }, { decision: "allow" })).search).toContain(
      "error=invalid_target",
    );
    expect(callbackOf(await send({}, { decision: "allow" })).searchParams.has("code")).toBe(true);
  });

  it("is not there when it is switched off", async () => {
    const server = createFakeAuthServer({ consentPage: false });
    expect((await server.fetch(`${server.issuer}/consent`, { method: "POST" })).status).toBe(404);
  });

  it("shows a person an error page, and a program JSON", async () => {
    const server = createFakeAuthServer();
    const url = authorizationUrl(server, "<unknown>", challenge);
    const forPerson = await server.fetch(url, { headers: HTML });
    expect([forPerson.status, forPerson.headers.get("content-type")]).toEqual([400, "text/html; charset=utf-8"]);
    expect(await forPerson.text()).toContain("the client is not known here");
    expect((await jsonOf(await server.fetch(url)))["error"]).toBe("invalid_client");
  });
});

describe("the page for user codes", () => {
  const DEVICE: FakeAuthServerOptions = { deviceAuthorization: {}, clients: [{ client_id: "tv", client_name: "TV" }] };
  const begin = async (server: FakeAuthServer) =>
    jsonOf(await postForm(server, "/device_authorization", { client_id: "tv", scope: "a b" }));
  const poll = async (server: FakeAuthServer, { device_code: code }: Record<string, unknown>) =>
    jsonOf(
      await postForm(server, "/token", {
        grant_type: "urn:ietf:params:oauth:grant-type:device_code",
        client_id: "tv",
        device_code: code as string,
      }),
    );

  it("asks for the code, then for consent, and gives the device its tokens", async () => {
    const server = createFakeAuthServer(DEVICE);
    const device = await begin(server);
    const userCode = device["user_code"] as string;
    const url = device["verification_uri"] as string;
    const asked = await answerPage(server, url, "approve", (fields) => {
      fields.set("user_code", userCode.toLowerCase());
    });
    expect(await asked.text()).toContain(userCode);
    const confirm = `${url}?user_code=${userCode}`;
    const done = await answerPage(server, confirm, "approve", (fields) => {
      fields.delete("scope", "b");
    });
    expect(await done.text()).toContain("go back to your device");
    expect(await poll(server, device)).toMatchObject({ scope: "a" });
  });

  it("refuses for who refuses, and has nothing to say to a wrong code", async () => {
    const server = createFakeAuthServer(DEVICE);
    const device = await begin(server);
    const complete = device["verification_uri_complete"] as string;
    expect(await (await answerPage(server, complete, "deny")).text()).toContain("The device gets no access");
    expect((await poll(server, device))["error"]).toBe("access_denied");
    const again = await server.fetch(complete);
    expect(again.status).toBe(400);
    expect(await again.text()).toContain("No device waits for the code");
  });

  it("decides at once when there is no consent page", async () => {
    const server = createFakeAuthServer({ ...DEVICE, consentPage: false });
    const device = await begin(server);
    await server.fetch(device["verification_uri_complete"] as string);
    expect(await poll(server, device)).toMatchObject({ scope: "a b" });
  });

  it("does not know a client that was forgotten meanwhile", async () => {
    const server = createFakeAuthServer(DEVICE);
    const device = await begin(server);
    server.forgetClient("tv");
    expect((await server.fetch(device["verification_uri_complete"] as string)).status).toBe(400);
  });
});
