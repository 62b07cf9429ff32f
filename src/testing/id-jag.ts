/** Identity Assertion JWT Authorization Grant (draft-ietf-oauth-identity-assertion-authz-grant). */
export const ID_JAG_TYPE = "oauth-id-jag+jwt";

export const ID_JAG_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:id-jag";

export const ID_JAG_PROFILE = "urn:ietf:params:oauth:grant-profile:id-jag";
