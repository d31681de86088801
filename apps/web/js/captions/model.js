// The conversation as text: who said what, how much of it has been heard, what never was. Pure: messages in, entries out.

import { alignWords, charsHeard, heardBoundary } from "./alignment.js";

export class CaptionModel {
  constructor() {
    this.clear();
  }

  clear() {
    this.entries = [];
    this.byKey = new Map();
    this.byRequest = new Map();
    this.byGeneration = new Map();
    this.memories = new Map();
  }

  /** Takes one server message; returns the entry that it changed, or null. */
  apply(message) {
    switch (message.type) {
      case "user_text":
        return this.userText(message);
      case "assistant_text":
        return message.reasoning ? null : this.assistantText(message);
      case "audio_start":
        return this.audioStart(message);
      case "audio_end":
        return this.audioEnd(message);
      case "words":
        return this.words(message);
      case "heard":
        return this.heard(message);
      case "tool":
        return this.tool(message);
      case "memory":
        return this.memory(message);
      default:
        return null;
    }
  }

  userText({ turn_id: turnId, text, final, stable_chars: stableChars, source }) {
    const entry = this.entry(`you:${turnId}`, { who: "you", turnId });
    entry.text = text;
    entry.final = Boolean(final);
    entry.stableChars = final ? text.length : (stableChars ?? 0);
    entry.typed = source === "typed";
    return entry;
  }

  assistantText({ turn_id: turnId, generation, request_id: requestId, text, delta, final }) {
    const entry = this.reply(generation, turnId, requestId);
    entry.text = typeof text === "string" ? text : entry.text + (delta ?? "");
    entry.final = Boolean(final);
    this.align(entry);
    return entry;
  }

  audioStart({ turn_id: turnId, generation, request_id: requestId }) {
    const entry = this.reply(generation, turnId, requestId);
    entry.voiced = true;
    return entry;
  }

  audioEnd({ generation, total_ms: totalMs }) {
    const entry = this.byGeneration.get(generation);
    if (!entry) return null;
    entry.totalMs = totalMs ?? null;
    return entry;
  }

  words({ request_id: requestId, words }) {
    const entry = this.byRequest.get(requestId);
    if (!entry || !Array.isArray(words)) return null;
    entry.timings.push(...words);
    entry.timings.sort((a, b) => a.start_ms - b.start_ms);
    this.align(entry);
    return entry;
  }

  heard({ turn_id: turnId, generation, heard_text: heardText, unheard_text: unheardText, interrupted }) {
    const entry = this.byGeneration.get(generation) ?? this.entries.findLast((e) => e.who === "it" && e.turnId === turnId);
    if (!entry) return null;
    entry.done = true;
    entry.interrupted = Boolean(interrupted);
    const struck = entry.interrupted && unheardText;
    entry.heardChars = struck ? heardBoundary(entry.text, heardText ?? "") : entry.text.length;
    entry.struckFrom = struck ? entry.heardChars : null;
    return entry;
  }

  tool({ turn_id: turnId, call_id: callId, name, state }) {
    const entry = this.entry(`tool:${callId}`, { who: "tool", turnId });
    Object.assign(entry, { text: name, state, final: state === "done" || state === "cancelled" });
    return entry;
  }

  /** What was remembered for a turn is told before or after its reply begins. */
  memory({ turn_id: turnId, items }) {
    this.memories.set(turnId, items ?? []);
    const entry = this.entries.findLast((e) => e.who === "it" && this.byGeneration.get(e.generation) === e && e.turnId === turnId);
    if (entry) entry.memory = items ?? [];
    return entry ?? null;
  }

  /** The playout clock: `playedMs` of that reply have been heard. Returns the entry when more of it is lit now. */
  played(generation, playedMs) {
    const entry = this.byGeneration.get(generation);
    if (!entry || entry.done) return null;
    const chars = charsHeard(entry, playedMs);
    if (chars <= entry.heardChars) return null;
    entry.heardChars = chars;
    return entry;
  }

  finished(generation) {
    const entry = this.byGeneration.get(generation);
    if (!entry || entry.done) return null;
    entry.heardChars = entry.text.length;
    return entry;
  }

  /** What a new session is told: only what was really heard. */
  history() {
    return this.entries
      .filter((entry) => entry.who !== "tool" && entry.final)
      .map((entry) => ({
        role: entry.who === "you" ? "user" : "assistant",
        content: entry.struckFrom === null ? entry.text : entry.text.slice(0, entry.struckFrom).trim(),
      }))
      .filter((item) => item.content.length > 0);
  }

  /** All that a reloaded page needs to show, and to go on with: where the words lie of a reply that is over is of no use any more. */
  snapshot() {
    return this.entries.map((entry) => (entry.done || entry.key === null ? { ...entry, timings: [], words: [] } : entry));
  }

  /** `isOpen`: the session goes on, so that later messages may still change what was said. */
  restore(entries, { isOpen }) {
    this.clear();
    this.entries = entries;
    if (!isOpen) this.seal();
    for (const entry of entries.filter(({ key }) => key !== null)) {
      this.byKey.set(entry.key, entry);
      if (entry.requestId) this.byRequest.set(entry.requestId, entry);
      if (entry.generation !== null) this.byGeneration.set(entry.generation, entry);
    }
  }

  /** Turn numbers of a new session start over; what was said before must not be overwritten by them. */
  seal() {
    for (const entry of this.entries) entry.key = null;
    this.byKey.clear();
    this.byRequest.clear();
    this.byGeneration.clear();
    this.memories.clear();
  }

  reply(generation, turnId, requestId) {
    const entry = this.entry(`it:${generation}`, { who: "it", turnId });
    entry.generation = generation;
    entry.memory = this.memories.get(turnId) ?? entry.memory;
    this.byGeneration.set(generation, entry);
    if (requestId) {
      entry.requestId = requestId;
      this.byRequest.set(requestId, entry);
    }
    return entry;
  }

  entry(key, fields) {
    if (this.byKey.has(key)) return this.byKey.get(key);
    const entry = {
      id: this.entries.length + 1,
      key,
      requestId: null,
      text: "",
      final: false,
      stableChars: 0,
      typed: false,
      voiced: false,
      timings: [],
      words: [],
      totalMs: null,
      heardChars: 0,
      struckFrom: null,
      interrupted: false,
      done: false,
      generation: null,
      memory: [],
      ...fields,
    };
    this.entries.push(entry);
    this.byKey.set(key, entry);
    return entry;
  }

  align(entry) {
    entry.words = alignWords(entry.text, entry.timings);
  }
}
