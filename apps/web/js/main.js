// Where the page begins: the server is where the page came from, the token came with the link, the rest is made here.

import { Page } from "./page.js";
import { Continuity } from "./talk/continuity.js";
import { Conversation } from "./talk/conversation.js";
import { Server } from "./talk/server.js";
import { Session } from "./talk/session.js";
import { SettingsStore } from "./talk/settings-store.js";

const TOKEN_KEY = "stream-talk.token";
const CLIENT = "stream-talk-web/1";

/** A token in the link is taken out of the address bar at once, so that it is not shared by accident. */
function takeToken() {
  const url = new URL(location.href);
  const given = url.searchParams.get("token") ?? new URLSearchParams(url.hash.slice(1)).get("token");
  if (given) {
    sessionStorage.setItem(TOKEN_KEY, given);
    url.searchParams.delete("token");
    url.hash = "";
    history.replaceState(null, "", url);
  }
  return sessionStorage.getItem(TOKEN_KEY);
}

function browserEnvironment() {
  return {
    now: () => performance.now(),
    random: Math.random,
    setTimeout: (work, ms) => setTimeout(work, ms),
    clearTimeout: (timer) => clearTimeout(timer),
    setInterval: (work, ms) => setInterval(work, ms),
    clearInterval: (timer) => clearInterval(timer),
  };
}

function newName() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return "page-" + Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function build() {
  const settings = new SettingsStore(localStorage);
  const continuity = new Continuity({ storage: sessionStorage, nowMs: () => Date.now() });
  const kept = continuity.take();
  // A reload goes on with the same conversation; a new tab begins a new one.
  const name = kept?.name ?? newName();
  let token = takeToken();
  const server = new Server({ base: location.href, token: () => token });
  let conversation = null;
  const session = new Session({
    url: server.talkUrl,
    client: CLIENT,
    token,
    greeting: () => ({
      graph: settings.get("graph"),
      lang: document.documentElement.lang,
      incognito: settings.get("incognito"),
      settings: settings.forWire(),
      history: conversation.captions.history(),
      conversation: name,
    }),
    probe: () => server.whyNot(),
    openSocket: (url, protocols) => new WebSocket(url, protocols),
    environment: browserEnvironment(),
  });
  conversation = new Conversation({ session, settings });
  const useToken = (value) => {
    token = value;
    session.token = value;
    sessionStorage.setItem(TOKEN_KEY, value);
  };
  const page = new Page({ conversation, server, settings, useToken });
  if (kept) page.restore(kept);
  watchLeaving({ page, conversation, settings, continuity, name });
}

/** A page may be reloaded, closed, put aside or thrown away while hidden, and is not told which. */
function watchLeaving({ page, conversation, settings, continuity, name }) {
  const keep = () => {
    if (!settings.get("incognito")) continuity.keep({ name, ...conversation.snapshot() });
  };
  window.addEventListener("pagehide", () => {
    // Nothing is kept of what must not be remembered: such a conversation is over.
    if (settings.get("incognito")) conversation.session.end();
    else keep();
  });
  window.addEventListener("pageshow", () => continuity.forget());
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") {
      keep();
      return;
    }
    continuity.forget();
    page.lookAgain();
  });
  window.addEventListener("online", () => page.lookAgain());
}

build();
