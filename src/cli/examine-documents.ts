import type { ServerMetadata } from "../index.js";
import { section } from "./doctor-report.js";
import type { Findings } from "./doctor-report.js";

/** Judges what a server and its authorization server publish, beyond what makes a document unusable. */
export function examineDocuments(findings: Findings, server: ServerMetadata): void {
  examineResource(findings, server);
  examineAuthorizationServer(findings, server);
}

function examineResource(
  findings: Findings,
  { protectedResource, resource, serverUrl, authorizationServer }: ServerMetadata,
): void {
  if (protectedResource === undefined) return;
  const add = section(findings, "Protected resource metadata");
  if (resource === serverUrl) add("ok", `"resource" is ${resource}`, { requirements: [17] });
  else {
    add("warning", `"resource" is ${resource}, which is not ${serverUrl} but covers it`, {
      requirements: [17],
      client: "It asks for tokens for what is published.",
    });
  }
  const issuers = protectedResource.authorization_servers ?? [];
  if (issuers.length > 1) {
    add("info", `"authorization_servers" lists ${issuers.length}`, {
      requirements: [18],
      client: `It takes the first that works: ${authorizationServer.issuer}.`,
    });
  } else if (issuers[0] !== authorizationServer.issuer) {
    add("warning", `"authorization_servers" says ${issuers[0] ?? ""}, its metadata ${authorizationServer.issuer}`, {
      requirements: [29],
      client: "It goes by what the metadata says.",
    });
  }
  if (protectedResource.scopes_supported === undefined) {
    add("info", '"scopes_supported" is not published', {
      requirements: [60],
      client: "It asks for the scope of the challenge, or for none.",
    });
  }
}

function examineAuthorizationServer(
  findings: Findings,
  { authorizationServer: metadata, source }: ServerMetadata,
): void {
  const add = section(findings, "Authorization server metadata");
  if (source === "origin_defaults") {
    add("warning", "publishes no metadata", {
      requirements: [25],
      client: "It assumes /authorize, /token and /register, as MCP revision 2025-03-26 has it.",
    });
    return;
  }
  add("ok", `"issuer" is ${metadata.issuer}`, { requirements: [29] });
  const methods = metadata.code_challenge_methods_supported;
  if (methods?.includes("S256") === true)
    add("ok", '"code_challenge_methods_supported" lists S256', { requirements: [30] });
  if (metadata.authorization_response_iss_parameter_supported !== true) {
    add("warning", 'does not say that callbacks carry "iss"', {
      requirements: [82],
      client: "It cannot tell callbacks of different authorization servers apart by it.",
    });
  }
  const grants = metadata.grant_types_supported;
  if (grants !== undefined && !grants.includes("refresh_token")) {
    add("warning", '"grant_types_supported" lists no refresh_token', {
      requirements: [52],
      client: "The user logs in again when the access token has run out.",
    });
  }
  if (metadata.revocation_endpoint === undefined) {
    add("info", "has no revocation endpoint", {
      requirements: ["revocation"],
      client: "A logout deletes the tokens; they end by themselves.",
    });
  }
}
