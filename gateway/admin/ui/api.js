// What the page asks the admin port. Addresses are relative: the port may stand behind another one.
const KEY = "gateway admin token";

// Kept for this tab only, and gone with it.
export const token = {
  get: () => sessionStorage.getItem(KEY) || "",
  set: (value) => (value ? sessionStorage.setItem(KEY, value) : sessionStorage.removeItem(KEY)),
};

export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `The gateway answered ${status}.`);
    this.status = status;
    this.problems = problem.problems || [];
    this.reason = problem.reason || "";
  }
}

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(`../${path}`, { cache: "no-store", credentials: "omit", ...options });
  } catch {
    throw new Refused(0, { detail: "The gateway does not answer." });
  }
  const text = await answer.text();
  let document;
  try {
    document = JSON.parse(text);
  } catch {
    document = { detail: text };
  }
  if (!answer.ok) {
    const words = { 401: "The token is missing or wrong.", 412: "Somebody has changed the configuration meanwhile: load it again." };
    throw new Refused(answer.status, { ...document, detail: words[answer.status] || document.detail || document.title });
  }
  return { document, text, version: (answer.headers.get("ETag") || "").replaceAll('"', "") };
}

export const read = async (path) => (await ask(path)).document;
export const readText = (path) => ask(path);

export const post = async (path, body) =>
  (await ask(path, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } })).document;

// For who has the token; `version` is the one that has to be in force.
export const write = async (method, path, body, { version = "", type = "application/yaml" } = {}) => {
  const headers = { "Content-Type": type, Authorization: `Bearer ${token.get()}` };
  if (!token.get()) throw new Refused(401, { detail: "This needs the admin token (`admin.token`): give it above." });
  if (version) headers["If-Match"] = `"${version}"`;
  return (await ask(path, { method, body, headers })).document;
};
