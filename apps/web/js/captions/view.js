// The conversation on the page. Every word is a text node; lighting a word changes a class, nothing is built anew while sound plays.

import { byId, el } from "../view/dom.js";
import { pieces } from "./alignment.js";

const NEAR_END_PX = 80;
const MUCH = 4;

export class CaptionView {
  constructor({ list, scroller, newest, t, announce, onMemory }) {
    Object.assign(this, { list, scroller, newest, t, announce, onMemory });
    this.shown = new Map();
    this.following = true;
    scroller.addEventListener("scroll", () => {
      this.following = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_END_PX;
      newest.hidden = this.following;
    });
    newest.addEventListener("click", () => this.toNewest());
    new ResizeObserver(() => this.follow()).observe(scroller);
  }

  clear() {
    this.shown.clear();
    this.following = true;
    this.newest.hidden = true;
    this.measure();
    this.list.replaceChildren();
  }

  /** `isOld`: said before this page was loaded, and read out then. */
  update(entry, { isOld = false } = {}) {
    const item = this.shown.get(entry.id) ?? this.add(entry);
    if (isOld && entry.final) item.said = item.struckSaid = true;
    const key = `${entry.text}|${entry.words.length}|${entry.struckFrom}|${entry.stableChars}|${entry.state}|${entry.words.length ? "" : entry.heardChars}`;
    if (item.key !== key) this.rebuild(entry, item, key);
    this.light(entry, item);
    this.say(entry, item);
    this.remembered(entry, item);
    this.follow();
  }

  add(entry) {
    const text = el("p", { dir: "auto" });
    const kind = entry.who === "tool" ? "tool-use" : entry.who;
    const speaker = entry.who === "tool" ? null : el("span", { class: "visually-hidden" }, `${this.t(entry.who)}: `);
    const line = el("li", { class: `saying ${kind}` }, speaker, text);
    this.list.append(line);
    const item = { line, text, spans: [], key: null, said: false, struckSaid: false };
    this.shown.set(entry.id, item);
    this.measure();
    return item;
  }

  rebuild(entry, item, key) {
    item.key = key;
    if (entry.who === "tool") {
      item.text.textContent = this.t(`tool${entry.state[0].toUpperCase()}${entry.state.slice(1)}`, { name: entry.text }) ?? entry.text;
      return;
    }
    item.spans = pieces(entry).map((piece) => this.span(entry, piece));
    item.text.replaceChildren(...item.spans.map(({ node }) => node));
  }

  span(entry, piece) {
    const struck = entry.struckFrom !== null && piece.start >= entry.struckFrom;
    const node = el(struck ? "s" : "span", {}, piece.text);
    if (entry.who === "you" && !entry.final && piece.start >= entry.stableChars) node.className = "unstable";
    return { ...piece, node, struck };
  }

  light(entry, item) {
    if (entry.who !== "it") return;
    item.line.classList.toggle("voiced", entry.voiced);
    const heard = entry.heardChars;
    for (const { node, start, end, struck } of item.spans) {
      if (struck) continue;
      node.classList.toggle("lit", start < heard && end <= heard);
      node.classList.toggle("now", item.sounding === true && !entry.done && end === heard && entry.words.length > 0);
    }
  }

  sounding(entry, on) {
    const item = this.shown.get(entry.id);
    if (!item) return;
    item.sounding = on;
    item.line.classList.toggle("sounding", on);
    this.light(entry, item);
  }

  /** Screen readers are told of whole sayings, not of every change on the way. */
  say(entry, item) {
    if (!entry.final || entry.who === "tool") return;
    if (!item.said) {
      item.said = true;
      this.announce(`${this.t(entry.who)}: ${entry.text}`);
    }
    if (entry.struckFrom !== null && !item.struckSaid) {
      item.struckSaid = true;
      this.announce(this.t("notHeard", { text: entry.text.slice(entry.struckFrom).trim() }));
    }
  }

  /** What was remembered for this reply, said under it. */
  remembered({ memory: items }, item) {
    if (items.length === 0 || item.memory === items) return;
    item.memory = items;
    const words = items.length === 1 ? this.t("usedMemory", { text: items[0].text }) : this.t("usedMemories", { count: items.length });
    item.aside?.remove();
    item.aside = el("p", { class: "aside" }, el("button", { type: "button", onclick: () => this.onMemory(items) }, words));
    item.line.append(item.aside);
  }

  /** Somebody who reads back is left alone until they ask for the newest. */
  toNewest() {
    this.following = true;
    this.newest.hidden = true;
    this.follow();
    this.scroller.focus();
  }

  /** How much was said decides how much room the orb leaves. */
  measure() {
    document.body.dataset.said = this.shown.size >= MUCH ? "much" : "little";
  }

  /** Once a frame, however many words come in it: every look at the height lays the page out. */
  follow() {
    if (!this.following || this.isDue) return;
    this.isDue = true;
    requestAnimationFrame(() => {
      this.isDue = false;
      if (this.following) this.scroller.scrollTop = this.scroller.scrollHeight;
    });
  }
}

/** A polite live region that speaks one thing after another. */
export function announcer() {
  const region = byId("said");
  return (text) => {
    region.append(el("p", {}, text));
    while (region.children.length > 6) region.firstElementChild.remove();
  };
}
