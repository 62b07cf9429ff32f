/** Why `oidc-provider` answers some of the cases in another way, what it answers, and to which. */
export interface Difference {
  readonly because: string;
  readonly theirs: string;
  readonly cases: readonly string[];
}

const named = (prefix: string, names: readonly string[]): string[] => names.map((name) => `${prefix}: ${name}`);

export const DIFFERENCES: readonly Difference[] = [
  {
    because:
      "a client with one redirect URI may leave it out (OpenID Connect's and OAuth 2.1's exception); ours wants it always",
    theirs: "accepted",
    cases: ["no redirect_uri", "an empty redirect_uri"],
  },
  { because: "the same, at the token endpoint", theirs: "200", cases: ["a code: no redirect_uri"] },
  {
    because: "it redirects to the one registered URI when the parameter is repeated; ours trusts none of them",
    theirs: "callback invalid_request",
    cases: ["a repeated redirect_uri"],
  },
  {
    because: "RFC 6749 §4.1.2.1 has no code for what is only shown to the user; it borrows RFC 7591's",
    theirs: "400 invalid_redirect_uri",
    cases: [
      "another redirect_uri",
      "another path",
      "a path in other case",
      "a query in addition",
      "a fragment",
      "a user in addition",
      "https for http",
      "localhost for 127.0.0.1",
      "a host that begins alike",
      "a relative redirect_uri",
      "a script",
      "a client that is not registered for codes",
    ],
  },
  {
    because: "it has a code of its own for response modes; RFC 6749 §4.1.2.1 has not",
    theirs: "callback unsupported_response_mode",
    cases: ["an unknown response_mode"],
  },
  {
    because:
      "it drops unknown scopes, as OpenID Connect Core §3.1.2.1 says; ours refuses when none is left, as RFC 6749 §3.3 allows",
    theirs: "accepted",
    cases: ["an unknown scope"],
  },
  {
    because: "the same, without a user",
    theirs: "200",
    cases: ["client credentials: an unknown scope", "device: a request for an unknown scope"],
  },
  {
    because: "its router knows no other method there; ours says which one it takes (RFC 9110 §15.5.6)",
    theirs: "404",
    cases: [
      ...named("any grant", ["GET", "PUT"]),
      "registration: GET",
      "management: POST",
      "revocation: GET",
      "introspection: GET",
    ],
  },
  {
    because: "its route for pages of the device flow takes the request, and fails",
    theirs: "500",
    cases: ["device: GET"],
  },
  {
    because:
      "who says nothing of a client, or nothing that can be read, sent a malformed request to it; RFC 6749 §5.2 names " +
      "“no client authentication included” under invalid_client",
    theirs: "400 invalid_request",
    cases: [
      ...named("any grant", ["an empty body", "parameters in the query"]),
      "a refresh: a client that does not say who it is",
      ...named("a client", [
        "nobody",
        "an empty client_id",
        "an empty secret by Basic",
        "Basic without a colon",
        "Basic that is no base64",
        "Basic that is not form-encoded",
        "Basic without anything",
        "another scheme",
      ]),
      "an assertion: that is no JWT",
      ...named("device", ["a request of nobody", "a poll of nobody"]),
      "revocation: no client",
    ],
  },
  {
    because:
      "it checks the form of a verifier before it compares; RFC 7636 §4.6 has invalid_grant for whatever does not match",
    theirs: "400 invalid_request",
    cases: named("a code", ["a short code_verifier", "a long code_verifier", "a code_verifier of other characters"]),
  },
  {
    because:
      "RFC 6749 §5.2 has unauthorized_client for a grant type that a client may not use; it says invalid_request",
    theirs: "400 invalid_request",
    cases: [
      "a refresh: a client that is not registered for it",
      "client credentials: a public client",
      "client credentials: a client that is not registered for them",
      "device: a request of a client not registered for it",
      "device: a poll of a client not registered for it",
    ],
  },
  {
    because: "Basic and the body are one to it; ours holds a client to the method that it registered",
    theirs: "400 invalid_grant",
    cases: named("a client", ["the body where Basic is registered", "Basic where the body is registered"]),
  },
  {
    because: "it takes the type alone for an authentication that failed",
    theirs: "401 invalid_client",
    cases: ["an assertion: that is absent"],
  },
  {
    because: "it takes the token endpoint as audience, and further ones, as RFC 7523 §3 did before its revision",
    theirs: "200",
    cases: named("an assertion", ["for the token endpoint", "for two servers"]),
  },
  {
    because: "it understands `b64` (RFC 7797); ours understands no critical header",
    theirs: "200",
    cases: ["an assertion: with a header that must be understood"],
  },
  {
    because: "it keeps no time of polls, which RFC 8628 §3.5 leaves to the server",
    theirs: "400 authorization_pending",
    cases: ["device: a poll too soon"],
  },
  {
    because:
      "a body that is no object is a malformed request to it; RFC 7591 §3.2.2 has no code for that, ours takes the nearest",
    theirs: "400 invalid_request",
    cases: named("registration", ["a broken body", "an empty body", "a list", "null", "a form"]),
  },
  {
    because:
      "it leaves grant types and response types that do not fit together as they are; RFC 7591 §2.1 lets the server choose",
    theirs: "201",
    cases: named("registration", ["a response type without its grant", "a grant type without its response"]),
  },
  {
    because: "it registers the client, and refuses the grant when it is used",
    theirs: "201",
    cases: ["registration: a machine that is public"],
  },
  {
    because: "whatever is wrong with the list is wrong with its URIs to it",
    theirs: "400 invalid_redirect_uri",
    cases: named("registration", ["redirect_uris that are no list", "redirect_uris of other things"]),
  },
  {
    because: "it takes schemes without a dot, which RFC 8252 §7.1 wants there",
    theirs: "201",
    cases: ["registration: a scheme without a dot"],
  },
  {
    because:
      "it holds web clients to https where they use the implicit grant, as the text says; ours always, as strict servers do",
    theirs: "201",
    cases: named("registration", ["a web client with http", "a web client on localhost"]),
  },
  {
    because:
      "RFC 7592 §2.2 names no code for members that a client must not send, or must; ours says that the metadata is wrong",
    theirs: "400 invalid_request",
    cases: named("management", [
      "replacing without client_id",
      "replacing with another client_id",
      "replacing with a secret that is not its own",
      "replacing with a token",
      "replacing with a management URL",
      "replacing with a date of issue",
      "replacing with an expiry",
    ]),
  },
  {
    because: "its policy is ours to write, and ignores the request in silence; RFC 7009 §2.1 wants the client told",
    theirs: "200",
    cases: ["revocation: another client's token"],
  },
  {
    because: "it asks for a client there, not for a bearer token; RFC 7662 §2.1 allows either",
    theirs: "400 invalid_request",
    cases: named("introspection", ["nobody who asks", "somebody else who asks"]),
  },
];
