import type { ServerProfile } from "../profile-types.js";

/**
 * Authorization servers that are known to deviate, and what each needs. Pass it as `profiles`, after rows of your own: the first
 * that matches applies.
 *
 * @remarks
 * Data from reports of users, each of which is linked in the source. A row allows what was reported and nothing else; a server that
 * mends its ways needs none, and is not harmed by one.
 *
 * @example
 * ```ts
 * const client = createAuthClient({ clientMetadata: { client_name: "Example" }, profiles: knownServers });
 * ```
 * @public
 */
export const knownServers: readonly ServerProfile[] = [
  {
    // Microsoft Entra ID, a tenant of its own
    // https://github.com/vercel/ai/issues/18674 (no PKCE methods listed)
    // https://github.com/punkpeye/mcp-remote/issues/217 (AADSTS9010010: `resource` beside `scope`)
    // https://github.com/punkpeye/mcp-remote/issues/357 (AADSTS90009: refresh without scope)
    // https://github.com/anomalyco/opencode/issues/46361 (`prompt=consent` locks out users who are no administrators)
    issuer: /^https:\/\/login\.(?:microsoftonline\.(?:com|us)|partner\.microsoftonline\.cn)\/[\da-f-]{36}\/v2\.0$/,
    allow: {
      assumeS256: true,
      resource: "omit",
      refreshScope: "granted",
      authorizationParams: { prompt: "" },
      registrationHint: "register the application in Entra ID and pass its client id as preRegistered",
    },
  },
  {
    // Amazon Cognito
    // https://github.com/anthropics/claude-code/issues/13275
    issuer: /^https:\/\/cognito-idp\.[\da-z-]+\.amazonaws\.com\/[\w-]+$/,
    allow: {
      assumeS256: true,
      registrationHint: "add an app client to the user pool and pass its id as preRegistered",
    },
  },
  {
    // Salesforce
    // https://github.com/forcedotcom/mcp-hosted/issues/47 (no PKCE methods listed)
    // https://github.com/forcedotcom/mcp-hosted/issues/44 (another issuer)
    // https://github.com/anthropics/claude-code/issues/86233 (`localhost` alone)
    issuer: /^https:\/\/(?:login|test|[\da-z-]+(?:\.sandbox)?\.my)\.salesforce\.com$/,
    allow: {
      assumeS256: true,
      issuerAliases: ["https://api.salesforce.com:443/platform/mcp/v1/platform/sobject-reads"],
      redirectHost: "localhost",
      registrationHint: "create an External Client App in Salesforce and pass its consumer key as preRegistered",
    },
  },
  {
    // Meta
    // https://github.com/openai/codex/issues/38944
    issuer: "https://www.facebook.com",
    allow: {
      issuerAliases: ["https://mcp.facebook.com/ads"],
      registrationHint: "create an app at developers.facebook.com and pass its id as preRegistered",
    },
  },
  {
    // Atlassian, /v1/mcp
    // https://github.com/atlassian/atlassian-mcp-server/issues/205
    // https://github.com/anthropics/claude-code/issues/82096 (`127.0.0.1` alone, where a domain list is kept)
    issuer: "https://cf.mcp.atlassian.com",
    allow: { issuerAliases: ["https://mcp.atlassian.com"], redirectHost: "127.0.0.1" },
  },
  {
    // Atlassian, /v1/mcp/authv2: the same two reports
    issuer: "https://auth.atlassian.com",
    allow: {
      issuerAliases: ["https://auth.atlassian.com/VCeDsk8ZHncYF1g234fKtc4lNipbBhu3"],
      redirectHost: "127.0.0.1",
    },
  },
  {
    // Google
    // https://github.com/can1357/oh-my-pi/issues/12438 (no refresh token without `access_type`)
    // https://github.com/punkpeye/mcp-remote/pull/258 (nor for who has consented before)
    issuer: "https://accounts.google.com",
    allow: {
      authorizationParams: { access_type: "offline", prompt: "consent" },
      registrationHint:
        "create an OAuth client in the Google Cloud console and pass its id and secret as preRegistered",
    },
  },
  {
    // Slack
    // https://github.com/slackapi/slack-skills-plugin/issues/7 (another issuer, and no registration)
    // https://github.com/NousResearch/hermes-agent/pull/111964 (now the one, now the other)
    // https://github.com/anthropics/claude-code/issues/59725 (the tokens are in `authed_user`)
    // https://github.com/coder/coder/pull/26150 (scopes of the user in a parameter of their own)
    issuer: /^https:\/\/(?:mcp\.)?slack\.com$/,
    allow: {
      issuerAliases: ["https://mcp.slack.com", "https://slack.com"],
      authorizationParams: { user_scope: "{scope}" },
      tokenResponse: "slack",
      registrationHint: "create a Slack app with MCP enabled and pass its client id and secret as preRegistered",
    },
  },
  {
    // GitHub
    // https://github.com/github/github-mcp-server/issues/2532 (no registration)
    // https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps (commas between scopes)
    issuer: "https://github.com/login/oauth",
    allow: {
      tokenResponse: "commas",
      registrationHint: "create an OAuth app or a GitHub App and pass its client id and secret as preRegistered",
    },
  },
  {
    // Figma
    // https://github.com/anthropics/claude-code/issues/74768
    issuer: "https://api.figma.com",
    allow: {
      registrationHint:
        "Figma registers the clients of its catalogue alone, by their client_name: apply at https://www.figma.com/mcp-catalog/",
    },
  },
  {
    // ClickUp
    // https://github.com/appstrate/appstrate/issues/602
    issuer: "https://mcp.clickup.com",
    allow: {
      registrationHint: "ClickUp registers the clients of its list alone: ask its support to be added",
    },
  },
];
