// Reads what people paste: a curl command, a token, or a URL.

const TAKES = new Set(["-o", "--output", "-w", "--write-out", "-m", "--max-time", "--connect-timeout", "--cacert", "--cert", "-E", "--key", "--resolve", "--connect-to", "-x", "--proxy", "-c", "--cookie-jar", "-T", "--upload-file", "--retry", "--interface", "-D", "--dump-header", "--ciphers", "--tls-max", "-K", "--config"]);
const DATA = new Set(["-d", "--data", "--data-ascii", "--data-raw", "--data-binary", "--data-urlencode", "--json", "-F", "--form", "--form-string"]);

/** Reads what was pasted: `{method, url, headers, token, isCommand}`; what it does not say is undefined. */
export function parse(text) {
  const trimmed = text.trim().replace(/^\$\s+/, "");
  if (/^curl(\.exe)?\s/.test(trimmed)) return { ...command(split(trimmed).slice(1)), isCommand: true };
  if (/^(https?:\/\/|\/)\S*$/.test(trimmed)) return { url: trimmed };
  const bearer = trimmed.replace(/^Authorization:\s*/i, "").replace(/^Bearer\s+/i, "");
  if (bearer && !/\s/.test(bearer)) return { token: bearer };
  return {};
}

/** Splits a command line as a shell does; what a shell would replace stays as it is. */
export function split(line) {
  const words = [];
  let word = null;
  const pattern = /\\\r?\n|\$'((?:\\.|[^'\\])*)'|'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)|(\s+)|([^\s'"\\$]+|.)/gsu;
  for (const [whole, ansi, single, double, escaped, space, plain] of line.matchAll(pattern)) {
    if (/^\\\r?\n$/.test(whole)) continue;
    if (space !== undefined) {
      if (word !== null) words.push(word);
      word = null;
      continue;
    }
    const unescaped = { n: "\n", t: "\t", r: "\r" };
    const part =
      single ?? plain ?? escaped ?? double?.replace(/\\(["\\$`])/g, "$1") ?? ansi.replace(/\\(.)/g, (_, char) => unescaped[char] ?? char);
    word = (word ?? "") + part;
  }
  if (word !== null) words.push(word);
  return words;
}

function command(words) {
  const found = { headers: [] };
  let [hasBody, isGet, isHead] = [false, false, false];
  const data = [];
  const queue = expand(words);
  const value = (word) => (word.value ?? queue.shift()?.text ?? "");
  while (queue.length) {
    const word = queue.shift();
    const name = word.name ?? word.text;
    if (name === "-X" || name === "--request") found.method = value(word).toUpperCase();
    else if (name === "-H" || name === "--header") found.headers.push(value(word));
    else if (name === "--url") found.url = value(word);
    else if (DATA.has(name)) {
      hasBody = true;
      const sent = value(word);
      data.push(sent);
      if (name === "--json") found.headers.push("Content-Type: application/json", "Accept: application/json");
    } else if (name === "-u" || name === "--user") found.headers.push(`Authorization: Basic ${base64(value(word))}`);
    else if (name === "--oauth2-bearer") found.headers.push(`Authorization: Bearer ${value(word)}`);
    else if (name === "-A" || name === "--user-agent") found.headers.push(`User-Agent: ${value(word)}`);
    else if (name === "-e" || name === "--referer") found.headers.push(`Referer: ${value(word)}`);
    else if (name === "-b" || name === "--cookie") found.headers.push(`Cookie: ${value(word)}`);
    else if (name === "-G" || name === "--get") isGet = true;
    else if (name === "-I" || name === "--head") isHead = true;
    else if (TAKES.has(name)) value(word);
    else if (!name.startsWith("-")) found.url ??= name;
  }
  if (isGet && data.length && found.url) found.url += (found.url.includes("?") ? "&" : "?") + data.join("&");
  found.method ??= isHead ? "HEAD" : hasBody && !isGet ? "POST" : "GET";
  if (hasBody && !isGet && !found.headers.some((field) => /^content-type:/i.test(field))) found.headers.push("Content-Type: application/x-www-form-urlencoded");
  return found;
}

/** Takes `-sSXPOST` and `--request=POST` apart. */
function expand(words) {
  const queue = [];
  for (const text of words) {
    const long = /^(--[a-z0-9-]+)=(.*)$/s.exec(text);
    if (long) queue.push({ name: long[1], value: long[2] });
    else if (/^-[A-Za-z]./.test(text)) short(text.slice(1), queue);
    else queue.push({ text });
  }
  return queue;
}

function short(letters, queue) {
  for (let index = 0; index < letters.length; index += 1) {
    const name = `-${letters[index]}`;
    const rest = letters.slice(index + 1);
    if (TAKES.has(name) || DATA.has(name) || "XHuAeb".includes(letters[index])) {
      queue.push(rest ? { name, value: rest } : { text: name });
      return;
    }
    queue.push({ text: name });
  }
}

function base64(text) {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

/** Reads the claims of a JWT; null where it is none. Nothing is verified. */
export function claims(token) {
  const parts = token.split(".");
  if (parts.length !== 3) return null;
  try {
    return parts.slice(0, 2).map((part) => {
      const bytes = Uint8Array.from(atob(part.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
      return JSON.parse(new TextDecoder().decode(bytes));
    });
  } catch {
    return null;
  }
}
