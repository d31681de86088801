// What a reloaded page goes on with: the session on the server, and what was said. Kept in the tab only while the page is away, so that a
// second tab finds nothing to take over. Pure but for the storage and the clock that are handed in.

// The number changes with the form of what is kept: a page that was renewed meanwhile must not stumble over what the old one left.
const KEY = "stream-talk.continuing.1";

export class Continuity {
  constructor({ storage, nowMs }) {
    Object.assign(this, { storage, nowMs });
  }

  keep(state) {
    try {
      this.storage.setItem(KEY, JSON.stringify({ ...state, keptAtMs: this.nowMs() }));
    } catch {
      // A full storage keeps nothing: the reloaded page then begins anew, as one does in a new tab.
      this.forget();
    }
  }

  forget() {
    this.storage.removeItem(KEY);
  }

  /** What was kept, once: with `session` only while the server still holds it. */
  take() {
    const kept = this.read();
    this.forget();
    if (kept?.session && this.nowMs() - kept.keptAtMs > kept.session.windowMs) kept.session = null;
    return kept;
  }

  read() {
    try {
      return JSON.parse(this.storage.getItem(KEY));
    } catch {
      return null;
    }
  }
}
