import assert from "node:assert/strict";
import { test } from "node:test";

import { alignWords, heardBoundary, pieces } from "../../apps/web/js/captions/alignment.js";
import { CaptionModel } from "../../apps/web/js/captions/model.js";
import { GraphActivity } from "../../apps/web/js/graph/activity.js";
import { CELL, edgePath, layoutGraph } from "../../apps/web/js/graph/layout.js";
import en from "../../apps/web/js/i18n/en.js";
import { chooseLanguage, translator } from "../../apps/web/js/i18n/translator.js";
import zh from "../../apps/web/js/i18n/zh.js";
import { transcriptText } from "../../apps/web/js/talk/transcript.js";
import { TimingModel, percentile } from "../../apps/web/js/timing/model.js";
import { SHAPES, approach, followLevel, radius } from "../../apps/web/js/view/orb-shapes.js";

const timed = (...words) => words.map((word, i) => ({ word, start_ms: i * 100, duration_ms: 100 }));

test("timed words cover the text, marks included", () => {
  const text = "Hello, dear world!";
  assert.deepEqual(alignWords(text, timed("hello", "dear", "world")).map((w) => text.slice(w.start, w.end)), ["Hello, ", "dear ", "world!"]);
});

test("Han characters are lit one by one", () => {
  const text = "你好，世界。";
  assert.deepEqual(alignWords(text, timed("你", "好", "世", "界")).map((w) => text.slice(w.start, w.end)), ["你", "好，", "世", "界。"]);
});

test("a word that is spoken otherwise than written belongs to the one before it", () => {
  const text = "It costs 10 pounds.";
  const words = alignWords(text, timed("It", "costs", "ten", "pounds"));
  assert.deepEqual(words.map((w) => text.slice(w.start, w.end)), ["It ", "costs 10 ", "pounds."]);
});

test("the heard part ends where its letters end", () => {
  assert.equal(heardBoundary("One two. Three.", "One two."), 9);
  assert.equal(heardBoundary("One  two — three.", "One two"), 9);
  assert.equal(heardBoundary("你好，世界", "你好"), 2);
  assert.equal(heardBoundary("Anything", ""), 0);
});

function replied() {
  const model = new CaptionModel();
  model.apply({ type: "user_text", turn_id: 1, text: "hi", final: true });
  const it = { turn_id: 1, generation: 4, request_id: "r4" };
  model.apply({ type: "assistant_text", ...it, delta: "One ", text: "One " });
  model.apply({ type: "assistant_text", ...it, delta: "two three.", text: "One two three.", final: true });
  model.apply({ type: "audio_start", ...it });
  model.apply({ type: "words", request_id: "r4", words: timed("One", "two", "three") });
  return model;
}

test("words are lit by the playout clock, and never go out again", () => {
  const model = replied();
  assert.equal(model.played(4, 120).heardChars, 8);
  assert.equal(model.played(4, 50), null);
  assert.equal(model.played(9, 50), null);
  assert.equal(model.finished(4).heardChars, 14);
});

test("what was never heard is struck out and is not handed to a new session", () => {
  const model = replied();
  const entry = model.apply({ type: "heard", turn_id: 1, heard_text: "One two", unheard_text: "three.", interrupted: true });
  assert.equal(entry.text.slice(entry.struckFrom), "three.");
  assert.equal(model.played(4, 5000), null);
  assert.deepEqual(pieces(entry).map((p) => p.text), ["One ", "two ", "three."]);
  assert.deepEqual(model.history(), [{ role: "user", content: "hi" }, { role: "assistant", content: "One two" }]);
  const t = translator("en");
  assert.equal(transcriptText(model.entries, t), "You: hi\nStream-Talk: One two [not heard: three.]");
});

test("reasoning is not shown, memory is told before or after the reply", () => {
  const model = new CaptionModel();
  assert.equal(model.apply({ type: "assistant_text", turn_id: 1, generation: 1, request_id: "r", text: "hm", reasoning: true }), null);
  model.apply({ type: "memory", turn_id: 1, items: [{ id: 1, text: "tea" }] });
  const entry = model.apply({ type: "assistant_text", turn_id: 1, generation: 2, request_id: "r", text: "Tea?" });
  assert.deepEqual(entry.memory, [{ id: 1, text: "tea" }]);
});

test("a new session's turns do not overwrite what was said", () => {
  const model = replied();
  model.seal();
  model.apply({ type: "user_text", turn_id: 1, text: "again", final: true });
  assert.deepEqual(model.entries.map((e) => e.text), ["hi", "One two three.", "again"]);
});

test("percentiles are values that occurred", () => {
  assert.equal(percentile([], 0.5), null);
  assert.equal(percentile([30, 10, 20], 0.5), 20);
  assert.equal(percentile([1, 2, 3, 4, 5, 6, 7, 8, 9, 100], 0.95), 100);
});

test("a waterfall runs from the last sample to the first sound, line and device included", () => {
  const timing = new TimingModel();
  timing.personSaid({ turnId: 1, text: "hi", lastSampleMs: 1000 });
  timing.replyOpened({ turnId: 1, generation: 7 });
  timing.frameArrived(7, 1180);
  timing.frameArrived(7, 1200);
  timing.traced(1, { spans: [{ name: "llm", node: "llm", start_ms: 51100, end_ms: 51150 }, { name: "tts", node: "tts", start_ms: 51150, end_ms: 59000 }] }, (ms) => ms - 50000);
  const turn = timing.replyStarted(7, { startedMs: 1210, heardMs: 1240, inputLatencyMs: 10, rttMs: 8 });
  assert.equal(turn.totalMs, 240);
  const rows = Object.fromEntries(turn.rows.map((row) => [row.stage, [row.fromMs, row.durationMs]]));
  assert.deepEqual(rows, { microphone: [0, 10], line_up: [10, 4], llm: [100, 50], tts: [150, 90], line_down: [176, 4], jitter: [180, 30], loudspeaker: [210, 30] });
  assert.deepEqual(timing.summary(), { count: 1, lastMs: 240, p50Ms: 240, p95Ms: 240 });
  assert.equal(timing.replyStarted(7, { startedMs: 1, heardMs: 2 }), null);
});

test("a typed turn has no waterfall", () => {
  const timing = new TimingModel();
  timing.replyOpened({ turnId: 1, generation: 1 });
  assert.equal(timing.replyStarted(1, { startedMs: 1, heardMs: 2 }), null);
  assert.equal(timing.summary().count, 0);
});

const graph = (busy, count) => ({
  server_ts_ms: count * 10,
  graph: {
    name: "g",
    nodes: [{ name: "a", addon: "a", busy_ms: busy, handled: count * 2, queue: 0, queue_max: 1, dropped: 0 }, { name: "b", addon: "b", busy_ms: busy / 3, handled: 0, queue: 0, queue_max: 1, dropped: count > 10 ? 2 : 0 }],
    edges: [{ from: "a", to: "b", kind: "data", name: "x", count, dropped: 0 }],
  },
});

test("flow is the difference of two looks, cost a share of all waiting", () => {
  const activity = new GraphActivity();
  assert.equal(activity.update(graph(0, 10)).hottest, null);
  const now = activity.update({ ...graph(60, 20), session: { turns: 3 } });
  assert.equal(now.hottest.name, "a");
  assert.deepEqual([now.hottest.share, now.hottest.perTurnMs, now.hottest.perSecond], [0.75, 20, 200]);
  assert.equal(now.edges[0].perSecond, 100);
  assert.deepEqual(now.links.map(({ from, to, perSecond }) => [from, to, perSecond]), [["a", "b", 100]]);
  assert.equal(now.nodes[1].newlyDropped, 2);
});

test("a graph with loops is laid out without overlaps, in the order of the sound", () => {
  const names = ["vad", "stt", "main", "llm", "tts", "lonely"];
  const edges = [["vad", "stt"], ["stt", "main"], ["main", "llm"], ["llm", "main"], ["main", "tts"], ["vad", "ghost"]].map(([from, to]) => ({ from, to }));
  const { place, width, height } = layoutGraph(names.map((name) => ({ name })), edges);
  const spots = new Set([...place.values()].map(({ x, y }) => `${x},${y}`));
  assert.equal(spots.size, names.length);
  assert.ok(place.get("vad").y < place.get("stt").y && place.get("stt").y < place.get("main").y && place.get("main").y < place.get("tts").y);
  for (const { x, y } of place.values()) assert.ok(x >= 0 && x < width && y >= 0 && y < height);
});

test("the way of the sound decides the order, whatever else is told on the way", () => {
  const names = ["vad", "main", "stt"];
  const edges = [
    { from: "vad", to: "main", kind: "cmd" }, { from: "main", to: "stt", kind: "data" },
    { from: "vad", to: "stt", kind: "audio_frame" }, { from: "stt", to: "main", kind: "data" },
  ];
  const { place } = layoutGraph(names.map((name) => ({ name })), edges);
  assert.ok(place.get("vad").y < place.get("stt").y && place.get("stt").y < place.get("main").y);
});

test("the orb reaches its form at any frame rate and stays inside its canvas", () => {
  let shape = { ...SHAPES.idle };
  for (let i = 0; i < 200; i += 1) shape = approach(shape, SHAPES.thinking, 0.02);
  assert.ok(Math.abs(shape.lobes - SHAPES.thinking.lobes) < 1e-3);
  assert.ok(followLevel(0, 1, 0.02) > 1 - followLevel(1, 0, 0.02));
  for (const form of Object.values(SHAPES)) {
    for (let i = 0; i < 64; i += 1) {
      const r = radius(form, { angle: (i / 32) * Math.PI, timeS: i / 7, level: 1, layer: 0 });
      assert.ok(r > 0.2 && r < 1);
    }
  }
});

test("languages follow the browser, and both say the same things", () => {
  assert.equal(chooseLanguage(["fr-FR", "zh-Hant-TW", "en"]), "zh");
  assert.equal(chooseLanguage(["fr"]), "en");
  const keys = (table, prefix = "") => Object.entries(table).flatMap(([key, value]) => (typeof value === "object" ? keys(value, `${prefix}${key}.`) : [`${prefix}${key}`]));
  assert.deepEqual(keys(zh).sort(), keys(en).sort());
  const blanks = (text) => (text.match(/\{\w+\}/g) ?? []).sort().join();
  for (const key of keys(en)) assert.equal(blanks(translator("zh")(key)), blanks(translator("en")(key)), key);
  assert.equal(translator("en")("nothing.here"), null);
});

test("a line past other rows goes around their cells", () => {
  const cell = (x, y) => ({ x: x * (CELL.width + CELL.gapX), y: y * (CELL.height + CELL.gapY) });
  const all = [cell(1, 0), cell(0, 1), cell(1, 1), cell(2, 1), cell(1, 2)];
  const down = /V/.exec(edgePath(all[0], all[4], { all }));
  const clear = Number(/Q([\d.]+) /.exec(edgePath(all[0], all[4], { all }))[1]);
  assert.ok(down && all.slice(1, 4).every(({ x }) => clear < x || clear > x + CELL.width));
  assert.match(edgePath(all[1], all[4], { all }), /C/, "the next row is reached straight");
});
