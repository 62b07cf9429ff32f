/** What is to be sent when a form of a login or consent page is filled in. */
export interface FormSubmission {
  readonly action: URL;
  readonly method: "GET" | "POST";
  readonly fields: URLSearchParams;
}

export interface FillFormOptions {
  readonly username: string;
  readonly password: string;
  readonly decision: "approve" | "deny";
}

const APPROVE = /approve|allow|accept|authori[sz]e|continue|consent|confirm|grant|submit|sign|log ?in|yes|ok/i;
const DENY = /deny|cancel|reject|refuse|abort|decline|\bno\b/i;

/** Fills the first form of a page as a user would who agrees (or not) to everything it asks. */
export function fillForm(html: string, page: URL, options: FillFormOptions): FormSubmission | undefined {
  if (options.decision === "deny") {
    const link = elements(html, "a").find(({ text }) => DENY.test(text))?.attributes["href"];
    if (link !== undefined) return { action: new URL(link, page), method: "GET", fields: new URLSearchParams() };
  }
  const form = elements(html, "form")[0];
  if (form === undefined) return undefined;
  const fields = new URLSearchParams();
  for (const { attributes } of tags(form.text, "input")) {
    const { name, type = "text", value } = attributes;
    if (name === undefined || ["submit", "button", "image", "reset"].includes(type)) continue;
    if (type === "hidden") fields.append(name, value ?? "");
    else if (type === "checkbox" || type === "radio") fields.append(name, value ?? "on");
    else if (type === "password") fields.append(name, options.password);
    else fields.append(name, options.username);
  }
  const button = chooseButton(form.text, options.decision);
  if (button?.["name"] !== undefined) fields.append(button["name"], button["value"] ?? "");
  return {
    action: new URL(form.attributes["action"] ?? page.href, page),
    method: form.attributes["method"]?.toLowerCase() === "post" ? "POST" : "GET",
    fields,
  };
}

function chooseButton(form: string, decision: FillFormOptions["decision"]): Attributes | undefined {
  const buttons = [
    ...elements(form, "button"),
    ...tags(form, "input").filter(({ attributes }) => attributes["type"] === "submit"),
  ];
  const says = (pattern: RegExp) => (element: Element) =>
    pattern.test(`${element.text} ${element.attributes["value"] ?? ""}`);
  if (decision === "deny") return buttons.find(says(DENY))?.attributes;
  const agreeing = buttons.filter((button) => !says(DENY)(button));
  return (agreeing.find(says(APPROVE)) ?? agreeing[0])?.attributes;
}

type Attributes = Readonly<Partial<Record<string, string>>>;

interface Element {
  readonly attributes: Attributes;
  readonly text: string;
}

function elements(html: string, name: string): Element[] {
  const found = html.matchAll(new RegExp(`<${name}\\b([^>]*)>([\\s\\S]*?)</${name}>`, "gi"));
  return [...found].map(([, attributes = "", text = ""]) => ({ attributes: parseAttributes(attributes), text }));
}

function tags(html: string, name: string): Element[] {
  const found = html.matchAll(new RegExp(`<${name}\\b([^>]*)>`, "gi"));
  return [...found].map(([, attributes = ""]) => ({ attributes: parseAttributes(attributes), text: "" }));
}

function parseAttributes(source: string): Attributes {
  const attributes: Record<string, string> = {};
  for (const [, name = "", double, single, bare] of source.matchAll(
    /([^\s"'=/]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g,
  )) {
    attributes[name.toLowerCase()] = decodeEntities(double ?? single ?? bare ?? "");
  }
  return attributes;
}

const ENTITIES: Attributes = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function decodeEntities(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex?: string, decimal?: string, name?: string) => {
    if (hex !== undefined) return String.fromCodePoint(parseInt(hex, 16));
    if (decimal !== undefined) return String.fromCodePoint(parseInt(decimal, 10));
    return ENTITIES[name ?? ""] ?? whole;
  });
}
