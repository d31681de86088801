// What the server remembers, to read, correct and delete. Hidden on a server that remembers nothing.

import { byId, el } from "../view/dom.js";
import { download } from "../view/download.js";

const TYPING_PAUSE_MS = 250;
const SURE_MS = 4000;

export class MemoryPanel {
  constructor({ t, server }) {
    Object.assign(this, { t, server });
    this.used = new Map();
    this.asked = 0;
    byId("memory-search").addEventListener("submit", (event) => {
      event.preventDefault();
      this.items();
    });
    byId("memory-query").addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.items(), TYPING_PAUSE_MS);
    });
    byId("memory-export").addEventListener("click", () => this.attempt(async () => {
      download("stream-talk-memory.json", "application/json", JSON.stringify(await this.server.allMemory(), null, 2));
    }));
    byId("memory-forget").addEventListener("click", () => this.forget(byId("memory-forget")));
  }

  /** The second press within a few seconds means it. */
  forget(button) {
    clearTimeout(this.sure);
    const label = (key) => { button.textContent = this.t(key); };
    if (!button.classList.toggle("sure")) {
      label("memoryForget");
      this.attempt(async () => {
        await this.server.forgetEverything();
        this.used = new Map();
        await this.show();
      });
      return;
    }
    label("memoryForgetSure");
    this.sure = setTimeout(() => {
      button.classList.remove("sure");
      label("memoryForget");
    }, SURE_MS);
  }

  /** True when this server has a memory at all. */
  async exists() {
    return (await this.server.conversations().catch(() => null)) !== null;
  }

  highlight(items) {
    this.used = new Map(items.map((item) => [String(item.id), item]));
  }

  async show() {
    await Promise.all([this.items(), this.conversations()]);
  }

  async items() {
    this.asked += 1;
    const mine = this.asked;
    await this.attempt(async () => {
      const query = byId("memory-query").value;
      const answer = await this.server.memoryItems(query);
      if (mine !== this.asked) return;
      const found = answer?.items ?? [];
      // Only the newest are listed, but what the last reply used is always among them.
      const listed = new Set(found.map((item) => String(item.id)));
      const older = query ? [] : [...this.used.values()].filter((item) => !listed.has(String(item.id)));
      const items = [...older, ...found].sort((a, b) => Number(this.used.has(String(b.id))) - Number(this.used.has(String(a.id))));
      byId("memory-items").replaceChildren(...items.map((item) => this.item(item)));
      this.status(items.length === 0 ? this.t("memoryNone") : "");
    });
  }

  item(item) {
    const text = el("span", {}, item.text);
    const line = el("li", { class: this.used.has(String(item.id)) ? "used" : null, title: this.used.has(String(item.id)) ? this.t("memoryUsedHere") : null });
    line.append(
      text,
      this.button("edit", item.text, () => this.edit(line, item)),
      this.button("delete", item.text, () => this.attempt(async () => {
        await this.server.deleteItem(item.id);
        this.used.delete(String(item.id));
        this.take(line);
      })),
    );
    return line;
  }

  /** The focus goes on to a neighbour: it was on the line that is gone. */
  take(line) {
    const neighbour = line.nextElementSibling ?? line.previousElementSibling;
    line.remove();
    (neighbour?.querySelector("button") ?? byId("memory-query")).focus();
  }

  edit(line, item) {
    const field = el("textarea", { "aria-label": this.t("edit") });
    field.value = item.text;
    const save = this.button("save", "", () => this.attempt(async () => {
      await this.server.correctItem(item.id, field.value);
      const corrected = { ...item, text: field.value };
      if (this.used.has(String(item.id))) this.used.set(String(item.id), corrected);
      line.replaceWith(this.item(corrected));
    }));
    const cancel = this.button("cancel", "", () => line.replaceWith(this.item(item)));
    line.replaceChildren(field, save, cancel);
    field.focus();
  }

  async conversations() {
    await this.attempt(async () => {
      const answer = await this.server.conversations();
      byId("memory-conversations").replaceChildren(...(answer?.conversations ?? []).map((c) => this.conversation(c)));
    });
  }

  conversation(conversation) {
    const id = conversation.id ?? conversation.session_id;
    const name = conversation.title || conversation.summary || id;
    const line = el("li", {});
    line.append(
      el("span", {}, name),
      this.button("open", name, () => this.read(line, id)),
      this.button("delete", name, () => this.attempt(async () => {
        await this.server.deleteConversation(id);
        this.take(line);
      })),
    );
    return line;
  }

  async read(line, id) {
    await this.attempt(async () => {
      const answer = await this.server.conversation(id);
      const turns = answer?.turns ?? answer?.messages ?? [];
      const said = turns.map((turn) => el("p", {}, `${this.t(turn.role === "user" ? "you" : "it")}: ${turn.heard_text ?? turn.text ?? turn.content}`));
      line.firstElementChild.replaceWith(el("div", {}, ...said));
    });
  }

  button(key, about, onclick) {
    return el("button", { type: "button", "aria-label": about ? `${this.t(key)}: ${about}` : null, onclick }, this.t(key));
  }

  async attempt(work) {
    try {
      await work();
    } catch {
      this.status(this.t("memoryFailed"));
    }
  }

  status(text) {
    byId("memory-status").textContent = text;
  }
}
