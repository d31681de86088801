import assert from "node:assert/strict";
import { test } from "node:test";

import { backoffMs } from "../../apps/web/js/talk/backoff.js";
import { Continuity } from "../../apps/web/js/talk/continuity.js";
import { ClockSync } from "../../apps/web/js/talk/clock-sync.js";
import { Server, normaliseVoices } from "../../apps/web/js/talk/server.js";
import { Session } from "../../apps/web/js/talk/session.js";
import { SettingsStore } from "../../apps/web/js/talk/settings-store.js";
import { Uplink } from "../../apps/web/js/talk/uplink.js";
import { visibleState } from "../../apps/web/js/talk/visible-state.js";
import { WireError, decodeMessage, decodeReply, distance, encodeMicrophone } from "../../apps/web/js/talk/wire.js";

function replyFrame({ seq, generation = 1, position = 0, flags = 0, samples = [7, -7] }) {
  const view = new DataView(new ArrayBuffer(16 + samples.length * 2));
  view.setUint8(0, 2);
  view.setUint8(1, flags);
  view.setUint32(4, seq, true);
  view.setUint32(8, generation, true);
  view.setUint32(12, position, true);
  samples.forEach((s, i) => view.setInt16(16 + 2 * i, s, true));
  return view.buffer;
}

test("a microphone frame is laid out as the protocol says", () => {
  const view = new DataView(encodeMicrophone({ seq: 0x01020304, position: 640, pcm: Int16Array.of(-2) }));
  assert.deepEqual([view.byteLength, view.getUint8(0), view.getUint8(1), view.getUint16(2)], [18, 1, 0, 0]);
  assert.deepEqual([view.getUint8(4), view.getUint8(7), view.getUint32(12, true), view.getInt16(16, true)], [4, 1, 640, -2]);
});

test("a reply frame tells its place and its flags", () => {
  const frame = decodeReply(replyFrame({ seq: 9, generation: 4, position: 480, flags: 6 }));
  assert.deepEqual({ ...frame, samples: [...frame.samples] }, { seq: 9, generation: 4, position: 480, first: false, last: true, moved: true, samples: [7, -7] });
});

test("what is not a frame or a message is refused", () => {
  assert.throws(() => decodeReply(new ArrayBuffer(3)), WireError);
  assert.throws(() => decodeReply(new ArrayBuffer(17)), WireError);
  for (const bad of ["", "[]", "null", '{"a":1}', "{"]) assert.throws(() => decodeMessage(bad), WireError);
});

test("counters wrap", () => {
  assert.equal(distance(3, 0xfffffffe), 5);
  assert.ok(distance(0xfffffffe, 3) < 0);
});

test("back-off doubles, is capped, and never the same for all", () => {
  assert.deepEqual([0, 1, 2, 10].map((n) => backoffMs(n, () => 1)), [250, 500, 1000, 8000]);
  assert.deepEqual([0, 10].map((n) => backoffMs(n, () => 0)), [125, 4000]);
});

test("the fastest ping tells the server's clock", () => {
  const clock = new ClockSync();
  clock.pong({ sentMs: 0, receivedMs: 100, serverMs: 5090 });
  clock.pong({ sentMs: 200, receivedMs: 210, serverMs: 5205 });
  assert.equal(clock.rttMs, 10);
  assert.equal(clock.toLocal(5300), 300);
});

test("the uplink keeps ten seconds, knows what was lost, and when a sample was spoken", () => {
  const uplink = new Uplink({ rateHz: 16000, keepMs: 100 });
  for (let i = 0; i < 20; i += 1) uplink.add(new Int16Array(320), 1000 + 20 * (i + 1));
  assert.equal(uplink.after(18).length, 2);
  assert.equal(uplink.localTimeOf(390), 1390);
  assert.equal(uplink.localTimeOf(1000), null);
  assert.ok(uplink.kept.length <= 6);
});

class FakeSocket {
  constructor() {
    this.sent = [];
    this.bufferedAmount = 0;
  }

  send(data) {
    this.sent.push(typeof data === "string" ? JSON.parse(data) : data);
  }

  close() {
    this.closed = true;
  }
}

function makeSession({ why = null } = {}) {
  const sockets = [];
  const timers = [];
  const beats = [];
  const seen = [];
  const session = new Session({
    url: "ws://x/v1/talk",
    client: "test",
    token: "secret",
    greeting: () => ({ lang: "en", settings: {}, history: [] }),
    probe: async () => why,
    openSocket: (url, protocols) => {
      const socket = new FakeSocket();
      socket.protocols = protocols;
      sockets.push(socket);
      return socket;
    },
    environment: {
      now: () => session.nowMs ?? 0, random: () => 0,
      setTimeout: (work, ms) => timers.push({ work, ms }), clearTimeout: () => timers.splice(0),
      setInterval: (work) => beats.push(work), clearInterval: () => beats.splice(0),
    },
  });
  for (const name of ["status", "message", "frame", "failure", "ready", "renewed"]) session.on(name, (detail) => seen.push([name, detail]));
  const receive = (message) => sockets.at(-1).onmessage({ data: typeof message === "string" ? message : message instanceof ArrayBuffer ? message : JSON.stringify(message) });
  const open = (more = {}) => {
    sockets.at(-1).onopen();
    receive({ type: "ready", session_id: "s", resume_token: `t${sockets.length}`, resume_window_ms: 30000, input_seq: 0, ...more });
  };
  const retry = () => {
    session.nowMs = (session.nowMs ?? 0) + timers[0].ms;
    timers.shift().work();
  };
  return { session, sockets, timers, beats, seen, receive, open, retry, names: () => seen.map(([name]) => name) };
}

test("a session greets, carries its token as a subprotocol, and sends what was said before it was ready", () => {
  const { session, sockets, open } = makeSession();
  session.start();
  session.sendAudio(new Int16Array(320), 1);
  open();
  const [greeting, audio] = sockets[0].sent;
  assert.deepEqual(sockets[0].protocols, ["stream-talk.v1", "stream-talk.token.secret"]);
  assert.equal(greeting.type, "hello");
  assert.deepEqual([greeting.input, greeting.output], [{ sample_rate_hz: 16000 }, { sample_rate_hz: 24000 }]);
  assert.ok(audio instanceof ArrayBuffer);
});

test("a broken line is resumed: lost frames go again, nothing is delivered twice", () => {
  const { session, sockets, open, receive, retry, seen } = makeSession();
  session.start();
  open();
  receive({ type: "state", seq: 1, state: "hearing" });
  receive(replyFrame({ seq: 2 }));
  session.sendAudio(new Int16Array(320), 1);
  sockets[0].onclose({ code: 1006 });
  session.sendAudio(new Int16Array(320), 2);
  assert.equal(session.status, "reconnecting");
  retry();
  sockets[1].onopen();
  assert.deepEqual([sockets[1].sent[0].type, sockets[1].sent[0].last_seq, sockets[1].sent[0].token], ["resume", 2, "t1"]);
  receive({ type: "ready", session_id: "s", resume_token: "t2", resumed: true, input_seq: 1 });
  assert.equal(sockets[1].sent.filter((m) => m instanceof ArrayBuffer).length, 1);
  receive({ type: "state", seq: 1, state: "hearing" });
  receive(replyFrame({ seq: 2 }));
  receive(replyFrame({ seq: 3 }));
  assert.equal(seen.filter(([name]) => name === "frame").length, 2);
  assert.equal(seen.filter(([name]) => name === "message").length, 1);
});

test("a session that is gone begins anew, and says so", () => {
  const { session, sockets, open, retry, names } = makeSession();
  session.start();
  open();
  sockets[0].onclose({ code: 1006 });
  retry();
  sockets[1].onopen();
  sockets[1].onclose({ code: 4410 });
  retry();
  sockets[2].onopen();
  assert.equal(sockets[2].sent[0].type, "hello");
  assert.ok(names().includes("renewed"));
});

test("at capacity: waits as long as it was asked to", () => {
  const { session, sockets, receive, timers, seen } = makeSession();
  session.start();
  sockets[0].onopen();
  receive({ type: "error", fatal: true, code: "at_capacity", text: "full", retry_after_ms: 7000 });
  sockets[0].onclose({ code: 4503 });
  assert.equal(timers[0].ms, 7000);
  assert.equal(seen.find(([name]) => name === "failure")[1].code, "at_capacity");
});

test("taken over in another window: stops and does not fight for it", () => {
  const { session, sockets, open, timers, seen } = makeSession();
  session.start();
  open();
  sockets[0].onclose({ code: 4412 });
  assert.equal(session.status, "idle");
  assert.equal(timers.length, 0);
  assert.equal(seen.at(-1)[1].code, "taken_over");
});

test("a door that does not open is explained; without a token nothing is tried again", async () => {
  const { session, sockets, timers, seen } = makeSession({ why: "token_needed" });
  session.start();
  await sockets[0].onclose({ code: 1006 });
  assert.equal(session.status, "idle");
  assert.equal(timers.length, 0);
  assert.deepEqual(seen.filter(([name]) => name === "failure").map(([, f]) => f.code), ["token_needed"]);
});

test("there is one timer however often the door stays shut", async () => {
  const { session, sockets, timers, retry } = makeSession({ why: "server_gone" });
  session.start();
  for (let i = 0; i < 5; i += 1) {
    await sockets.at(-1).onclose({ code: 1006 });
    assert.equal(timers.length, 1);
    retry();
  }
  assert.equal(sockets.length, 6);
});

test("a line that died without a word is noticed, and resumed", () => {
  const { session, sockets, beats, timers, open, receive } = makeSession();
  session.start();
  open();
  beats[0]();
  assert.equal(session.status, "open", "one ping may be late because the page was busy");
  beats[0]();
  assert.equal(session.status, "reconnecting", "not one word since the last two pings");
  assert.ok(sockets[0].closed && timers.length === 1);
  timers.shift().work();
  open({ resumed: true });
  for (let i = 0; i < 5; i += 1) {
    receive({ type: "pong", client_ts_ms: 0, server_ts_ms: 0 });
    beats[0]();
  }
  assert.equal(session.status, "open", "a server that answers is alive");
  assert.equal(sockets.length, 2);
});

test("a door that neither opens nor shuts is given up", () => {
  const { session, sockets, timers } = makeSession();
  session.start();
  assert.equal(timers.length, 1);
  timers.shift().work();
  assert.ok(sockets[0].closed);
  assert.equal(session.status, "reconnecting");
  assert.equal(timers.length, 1);
});

test("nobody is hurried who is on the way already; who waits may be", () => {
  const { session, sockets, timers, open } = makeSession();
  session.start();
  session.retryNow();
  assert.equal(sockets.length, 1);
  open();
  sockets[0].onclose({ code: 1006 });
  session.retryNow();
  assert.equal(sockets.length, 2);
  assert.equal(timers.length, 1, "the timer of the back-off is gone, only that of the opening runs");
});

test("what could not be told is told when the line is back, the newest of each kind; a new session hears none of it", () => {
  const { session, sockets, open, retry } = makeSession();
  session.start();
  session.tell({ type: "mute", on: true });
  open();
  sockets[0].onclose({ code: 1006 });
  session.tell({ type: "mute", on: true });
  session.tell({ type: "stop" });
  session.tell({ type: "mute", on: false });
  retry();
  open({ resumed: true });
  const told = () => sockets.at(-1).sent.filter(({ type }) => type === "mute" || type === "stop");
  assert.deepEqual(told(), [{ type: "stop" }, { type: "mute", on: false }]);
  sockets[1].onclose({ code: 1006 });
  session.tell({ type: "stop" });
  retry();
  sockets[2].onopen();
  sockets[2].onclose({ code: 4410 });
  retry();
  open();
  assert.deepEqual(told(), []);
});

test("another page goes on with the session: same numbers, and the lost sound once more", () => {
  const first = makeSession();
  first.session.start();
  first.open();
  first.receive(replyFrame({ seq: 7, generation: 3 }));
  first.session.sendAudio(new Int16Array(320), 1);
  const kept = JSON.parse(JSON.stringify(first.session.snapshot()));

  const { session, sockets, seen, open, receive } = makeSession();
  session.goOn(kept, { generation: 3, playedMs: 420.5 });
  sockets[0].onopen();
  const { last_seq: lastSeq, played, session_id: id, token } = sockets[0].sent[0];
  assert.deepEqual([lastSeq, played, id, token], [7, { generation: 3, played_ms: 420.5 }, "s", "t1"]);
  open({ resumed: true });
  receive(replyFrame({ seq: 7, generation: 3, position: 960, flags: 4 }));
  receive(replyFrame({ seq: 6, generation: 2 }));
  assert.equal(seen.filter(([name]) => name === "frame").length, 1);
  session.sendAudio(new Int16Array(320), 2);
  const frame = new DataView(sockets[0].sent.at(-1));
  assert.deepEqual([frame.getUint32(4, true), frame.getUint32(12, true)], [2, 320]);
});

class FakeStorage extends Map {
  getItem(key) { return this.get(key) ?? null; }
  setItem(key, value) { if (this.isFull) throw new Error("full"); this.set(key, value); }
  removeItem(key) { this.delete(key); }
}

test("what is kept for a reload is taken once, and the session only while the server holds it", () => {
  const storage = new FakeStorage();
  let nowMs = 1000;
  const continuity = new Continuity({ storage, nowMs: () => nowMs });
  continuity.keep({ name: "a", session: { windowMs: 30000 } });
  assert.equal(continuity.take().name, "a");
  assert.equal(continuity.take(), null, "a second tab finds nothing");
  continuity.keep({ name: "a", session: { windowMs: 30000 } });
  nowMs += 30001;
  assert.equal(continuity.take().session, null);
  storage.set("stream-talk.continuing.1", "{rubbish");
  assert.equal(continuity.take(), null);
  storage.isFull = true;
  continuity.keep({ name: "b", session: null });
  assert.equal(continuity.take(), null);
});

test("sound is held back, not piled up, when the line is full", () => {
  const { session, sockets, open } = makeSession();
  session.start();
  open();
  const before = sockets[0].sent.length;
  sockets[0].bufferedAmount = 1e6;
  session.sendAudio(new Int16Array(320), 1);
  assert.equal(sockets[0].sent.length, before);
});

test("the visible state follows the ear before the server", () => {
  const base = { status: "open", serverState: "listening", muted: false, microphone: true, sounding: false };
  const cases = [
    [{}, "listening"], [{ sounding: true }, "speaking"], [{ serverState: "hearing", sounding: true }, "hearing"],
    [{ muted: true }, "muted"], [{ microphone: false }, "typing"], [{ serverState: "thinking" }, "thinking"],
    [{ status: "reconnecting" }, "reconnecting"], [{ status: "idle" }, "idle"], [{ serverState: "paused", sounding: true }, "paused"],
  ];
  for (const [change, expected] of cases) assert.equal(visibleState({ ...base, ...change }), expected);
});

test("only what the person chose is sent, and rubbish in storage is survived", () => {
  const storage = { value: "{broken", getItem: () => storage.value, setItem: (_key, value) => (storage.value = value) };
  const settings = new SettingsStore(storage);
  assert.deepEqual(settings.forWire(), {});
  settings.set("patience", 0.8);
  settings.set("theme", "dark");
  assert.deepEqual(new SettingsStore(storage).forWire(), { patience: 0.8 });
  storage.value = '{"patience":"very"}';
  assert.equal(new SettingsStore(storage).get("patience"), 0.5);
});

test("a closed door has a reason; a missing room is not an error", async () => {
  const answering = (status) => new Server({ base: "http://h/", token: () => "t", fetch: async (url, options) => ({ status, ok: status < 300, json: async () => ({ url: url.href, ...options.headers }) }) });
  assert.equal(await answering(401).whyNot(), "token_needed");
  assert.equal(await answering(403).whyNot(), "origin_refused");
  assert.equal(await answering(503).whyNot(), "at_capacity");
  assert.equal(await answering(200).whyNot(), null);
  assert.equal(await answering(404).conversations(), null);
  assert.deepEqual(await answering(200).graphs(), { url: "http://h/v1/graphs", Authorization: "Bearer t" });
  const dead = new Server({ base: "https://h/", fetch: async () => { throw new TypeError("Failed to fetch"); } });
  assert.equal(await dead.whyNot(), "server_gone");
  assert.equal(dead.talkUrl, "wss://h/v1/talk");
});

test("voices come as names or as objects", () => {
  assert.deepEqual(normaliseVoices({ voices: ["a", { id: "b", name: "Bea" }, {}] }), [{ id: "a", name: "a" }, { id: "b", name: "Bea" }]);
  assert.deepEqual(normaliseVoices(null), []);
});
