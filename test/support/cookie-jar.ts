interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly hostname: string;
  readonly path: string;
}

/** As much of RFC 6265 as login pages need: host-only cookies with paths and deletion; ports do not separate them. */
export interface CookieJar {
  store(url: URL, response: Response): void;
  header(url: URL): string | undefined;
}

export function createCookieJar(): CookieJar {
  const cookies = new Map<string, Cookie>();
  return {
    store(url, response) {
      for (const line of response.headers.getSetCookie()) {
        const [pair = "", ...attributes] = line.split(";").map((part) => part.trim());
        const separator = pair.indexOf("=");
        const name = pair.slice(0, separator);
        const attribute = (wanted: string): string | undefined =>
          attributes.find((candidate) => candidate.toLowerCase().startsWith(`${wanted}=`))?.slice(wanted.length + 1);
        const path = attribute("path") ?? url.pathname.replace(/\/[^/]*$/, "/");
        const key = [url.hostname, path, name].join(" ");
        const expires = attribute("expires");
        const expired = attribute("max-age") === "0" || (expires !== undefined && Date.parse(expires) < Date.now());
        if (expired) cookies.delete(key);
        else cookies.set(key, { name, value: pair.slice(separator + 1), hostname: url.hostname, path });
      }
    },
    header(url) {
      const sent = [...cookies.values()]
        .filter(({ hostname, path }) => hostname === url.hostname && covers(path, url.pathname))
        .sort((one, other) => other.path.length - one.path.length);
      return sent.length > 0 ? sent.map(({ name, value }) => `${name}=${value}`).join("; ") : undefined;
    },
  };
}

function covers(cookiePath: string, path: string): boolean {
  return path === cookiePath || path.startsWith(cookiePath.endsWith("/") ? cookiePath : `${cookiePath}/`);
}
