/** An OAuth error answer (RFC 6749 §5.2, RFC 7591 §3.2.2, RFC 6750 §3.1), thrown by the endpoint that refuses. */
export class OAuthRefusal extends Error {
  readonly status: number;
  readonly error: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, error: string, description: string, headers: Readonly<Record<string, string>> = {}) {
    // what RFC 6749 §5.2 lets a description hold
    super(description.replace(/[^ !#-[\]-~]/g, "'"));
    this.status = status;
    this.error = error;
    this.headers = headers;
  }

  toResponse(): Response {
    return json(this.status, { error: this.error, error_description: this.message }, this.headers);
  }
}

export const invalidGrant = (description: string): OAuthRefusal => new OAuthRefusal(400, "invalid_grant", description);

/** A JSON answer that no cache keeps. */
export function json(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store", ...headers },
  });
}

export const notFound = (): Response => new Response("Not Found", { status: 404 });
