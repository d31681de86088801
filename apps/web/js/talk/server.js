// The server's plain HTTP side: what can be asked of it besides talking. A 404 means "this server has no such thing" and is answered by null.

export class ServerError extends Error {
  constructor(status) {
    super(`the server answered ${status}`);
    this.status = status;
  }
}

export class Server {
  constructor({ base, token = () => null, fetch = (...args) => globalThis.fetch(...args) }) {
    Object.assign(this, { base, token, fetch });
  }

  get talkUrl() {
    const url = new URL("/v1/talk", this.base);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    return url.href;
  }

  async ask(path, { method = "GET", body = null } = {}) {
    const headers = {};
    if (this.token()) headers.Authorization = `Bearer ${this.token()}`;
    if (body !== null) headers["Content-Type"] = "application/json";
    const answer = await this.fetch(new URL(path, this.base), { method, headers, body: body === null ? undefined : JSON.stringify(body) });
    if (answer.status === 404) return null;
    if (!answer.ok) throw new ServerError(answer.status);
    if (answer.status === 204) return {};
    return answer.json();
  }

  /** Why a conversation cannot be opened, as a failure code; null when nothing is wrong that a request could tell. */
  async whyNot() {
    try {
      await this.ask("/v1/graphs");
      return null;
    } catch (error) {
      if (!(error instanceof ServerError)) return "server_gone";
      if (error.status === 401) return "token_needed";
      if (error.status === 403) return "origin_refused";
      return error.status === 503 ? "at_capacity" : "server_gone";
    }
  }

  graphs() {
    return this.ask("/v1/graphs");
  }

  async voices(graph = "") {
    const answer = await this.ask(`/v1/voices?graph=${encodeURIComponent(graph)}`);
    return normaliseVoices(answer);
  }

  memoryItems(query = "") {
    return this.ask(`/v1/memory/items?query=${encodeURIComponent(query)}`);
  }

  correctItem(id, text) {
    return this.ask(`/v1/memory/items/${encodeURIComponent(id)}`, { method: "PATCH", body: { text } });
  }

  deleteItem(id) {
    return this.ask(`/v1/memory/items/${encodeURIComponent(id)}`, { method: "DELETE" });
  }

  conversations() {
    return this.ask("/v1/memory/conversations");
  }

  conversation(id) {
    return this.ask(`/v1/memory/conversations/${encodeURIComponent(id)}`);
  }

  deleteConversation(id) {
    return this.ask(`/v1/memory/conversations/${encodeURIComponent(id)}`, { method: "DELETE" });
  }

  allMemory() {
    return this.ask("/v1/memory/export");
  }

  forgetEverything() {
    return this.ask("/v1/memory", { method: "DELETE" });
  }
}

/** Servers list voices as names or as objects; we need an id and something to read. */
export function normaliseVoices(answer) {
  const list = Array.isArray(answer) ? answer : (answer?.voices ?? answer?.data ?? []);
  return list
    .map((voice) => (typeof voice === "string" ? { id: voice, name: voice } : { id: voice.id ?? voice.voice_id ?? voice.name, name: voice.name ?? voice.id }))
    .filter((voice) => voice.id);
}
