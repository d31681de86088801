import assert from "node:assert/strict";
import { test } from "node:test";

import { CaptureFramer } from "../../apps/web/js/audio/capture-framer.js";
import { microphoneFailure, missingAudio } from "../../apps/web/js/audio/failures.js";
import { JitterEstimator } from "../../apps/web/js/audio/jitter.js";
import { floatToInt16, int16ToFloat, rms, visibleLevel } from "../../apps/web/js/audio/pcm.js";
import { PlayoutBuffer } from "../../apps/web/js/audio/playout-buffer.js";
import { Recorder } from "../../apps/web/js/audio/recorder.js";
import { PlayoutReporter } from "../../apps/web/js/audio/reporter.js";
import { Resampler } from "../../apps/web/js/audio/resampler.js";
import { encodeWav } from "../../apps/web/js/audio/wav.js";

const tone = (hz, rateHz, samples) => Float32Array.from({ length: samples }, (_, i) => 0.5 * Math.sin((2 * Math.PI * hz * i) / rateHz));

function inBlocks(resampler, samples, size) {
  const out = [];
  for (let i = 0; i < samples.length; i += size) out.push(...resampler.process(samples.subarray(i, i + size)));
  return Float32Array.from(out);
}

for (const [from, to] of [[48000, 16000], [44100, 16000], [24000, 48000], [24000, 44100], [16000, 16000]]) {
  test(`resampling ${from} to ${to} keeps pitch, loudness and length`, () => {
    const input = tone(440, from, from);
    const out = inBlocks(new Resampler(from, to), input, 128);
    assert.ok(Math.abs(out.length - to) < to * 0.01);
    const middle = out.subarray(to / 4, (3 * to) / 4);
    assert.ok(Math.abs(rms(middle) - rms(input)) < 0.005);
    let crossings = 0;
    for (let i = 1; i < middle.length; i += 1) if (middle[i - 1] < 0 && middle[i] >= 0) crossings += 1;
    assert.ok(Math.abs(crossings - 220) <= 1);
  });
}

test("what the lower rate cannot carry is removed, not folded", () => {
  const out = inBlocks(new Resampler(48000, 16000), tone(11000, 48000, 48000), 128);
  assert.ok(rms(out.subarray(2000)) < 0.003);
});

test("the size of the blocks makes no difference", () => {
  const input = tone(300, 44100, 4410);
  const small = inBlocks(new Resampler(44100, 16000), input, 128);
  const large = inBlocks(new Resampler(44100, 16000), input, 999);
  assert.deepEqual([...small.subarray(0, 1500)], [...large.subarray(0, 1500)]);
});

test("microphone frames are 20 ms whatever the device's rate", () => {
  for (const rate of [44100, 48000, 16000]) {
    const framer = new CaptureFramer({ inputRateHz: rate, outputRateHz: 16000, frameMs: 20 });
    const frames = [];
    for (let i = 0; i < rate; i += 128) frames.push(...framer.push(tone(200, rate, 128)));
    assert.ok(frames.length >= 48 && frames.length <= 51);
    assert.ok(frames.every((frame) => frame.pcm.length === 320));
    assert.ok(frames.at(-1).level > 0.1);
  }
});

test("samples survive the way to the wire and back, and are never wrapped", () => {
  const there = floatToInt16(Float32Array.of(0, 0.5, -0.5, 2, -2));
  assert.deepEqual([...there], [0, 16384, -16383, 32767, -32767]);
  assert.ok(Math.abs(int16ToFloat(there)[1] - 0.5) < 1e-3);
  assert.equal(visibleLevel(0), 0);
  assert.equal(visibleLevel(1), 1);
});

const RATE = 48000;
const QUANTUM = 128;

function playout(options = {}) {
  const buffer = new PlayoutBuffer({ rateHz: RATE, jitter: new JitterEstimator(options) });
  const events = [];
  const pull = (times = 1) => {
    let out;
    for (let i = 0; i < times; i += 1) {
      out = new Float32Array(QUANTUM);
      events.push(...buffer.pull(out));
    }
    return out;
  };
  const push = (generation, ms, more = {}) =>
    buffer.push({ generation, positionMs: 0, samples: new Float32Array((RATE * ms) / 1000).fill(0.5), ...more }, 0);
  return { buffer, events, pull, push };
}

test("a reply plays once its buffer is deep enough, and reports where it is", () => {
  const { buffer, events, pull, push } = playout({ floorMs: 40 });
  push(1, 20);
  assert.ok(pull().every((s) => s === 0));
  push(1, 30);
  assert.ok(pull().some((s) => s !== 0));
  assert.equal(events[0].state, "started");
  assert.ok(Math.abs(buffer.playedMs - (QUANTUM * 1000) / RATE) < 0.01);
});

test("a short reply that is complete plays although it never fills the buffer", () => {
  const { events, pull, push } = playout({ floorMs: 200 });
  push(1, 5, { last: true });
  pull(4);
  assert.deepEqual(events.map((e) => e.state), ["started", "finished"]);
  assert.ok(Math.abs(events[1].playedMs - 5) < 0.01);
});

test("a cut is silence from the second quantum on, and everything of that generation is dead for ever", () => {
  const { buffer, events, pull, push } = playout();
  push(1, 500);
  pull(20);
  buffer.cut(1);
  const fading = pull();
  assert.ok(Math.abs(fading[0]) > 0.4 && Math.abs(fading.at(-1)) < 1e-6);
  assert.ok(pull().every((s) => s === 0));
  push(1, 500);
  assert.ok(pull(5).every((s) => s === 0));
  const dropped = events.at(-1);
  assert.equal(dropped.state, "dropped");
  assert.ok(Math.abs(dropped.playedMs - (21 * QUANTUM * 1000) / RATE) < 0.01);
  push(2, 500);
  assert.ok(pull().some((s) => s !== 0));
});

test("a cut of an older generation leaves the newer one alone", () => {
  const { buffer, pull, push } = playout();
  push(5, 500);
  pull(20);
  buffer.cut(4);
  assert.ok(pull().every((s) => s > 0.4));
});

test("pause holds the place, resume goes on from it with a ramp", () => {
  const { buffer, events, pull, push } = playout();
  push(1, 500);
  pull(20);
  buffer.pause();
  pull();
  const held = buffer.playedMs;
  assert.equal(events.at(-1).state, "paused");
  assert.ok(pull(10).every((s) => s === 0));
  assert.equal(buffer.playedMs, held);
  buffer.resume();
  const back = pull();
  assert.ok(back[0] < 0.01 && back.at(-1) > back[0]);
  assert.ok(pull(20).every((s) => Math.abs(s - 0.5) < 1e-6));
});

test("resume from a word boundary drops what is held and counts from there", () => {
  const { buffer, pull, push } = playout();
  push(1, 500);
  pull(20);
  buffer.pause();
  pull();
  buffer.resume({ fromMs: 10 });
  assert.ok(pull().every((s) => s === 0));
  push(1, 100, { positionMs: 10, moved: true });
  pull();
  assert.ok(Math.abs(buffer.playedMs - 10 - (QUANTUM * 1000) / RATE) < 0.01);
});

test("ducking lowers the voice without a step", () => {
  const { buffer, pull, push } = playout();
  push(1, 1000);
  pull(20);
  buffer.duck(-12);
  const out = pull();
  for (let i = 1; i < out.length; i += 1) assert.ok(Math.abs(out[i] - out[i - 1]) < 0.01);
  assert.ok(pull(20).every((s) => Math.abs(s - 0.5 * 10 ** (-12 / 20)) < 1e-4));
  buffer.unduck();
  assert.ok(pull(20).every((s) => Math.abs(s - 0.5) < 1e-4));
});

test("running dry fills up again, and the buffer becomes deeper", () => {
  const { buffer, pull, push } = playout({ floorMs: 20 });
  push(1, 30);
  const before = buffer.jitter.targetMs;
  pull(30);
  assert.equal(buffer.state, "filling");
  assert.equal(buffer.jitter.underruns, 1);
  assert.ok(buffer.jitter.targetMs > before);
});

test("depth follows lateness, and forgets it over good replies", () => {
  const jitter = new JitterEstimator();
  jitter.beginReply();
  jitter.arrived(0, 20);
  jitter.arrived(20, 20);
  assert.equal(jitter.targetMs, 20);
  jitter.arrived(120, 20);
  assert.equal(jitter.targetMs, 90);
  for (let i = 0; i < 12; i += 1) {
    jitter.beginReply();
    jitter.arrived(0, 200);
    jitter.arrived(10, 200);
  }
  assert.equal(jitter.targetMs, 20);
});

test("playing reports come at most every 100 ms, less the device's latency; the end is told at once and whole", () => {
  const sent = [];
  const reporter = new PlayoutReporter((report) => sent.push(report));
  reporter.opened(3, "r3");
  reporter.event({ state: "started", generation: 3, playedMs: 0, bufferedMs: 100 }, 0);
  for (let ms = 20; ms <= 300; ms += 20) reporter.progress({ state: "playing", generation: 3, playedMs: ms, bufferedMs: 10 }, 30, ms);
  reporter.event({ state: "finished", generation: 3, playedMs: 300, bufferedMs: 0 }, 301);
  assert.deepEqual(sent.map((r) => [r.state, r.played_ms]), [["started", 0], ["playing", 70], ["playing", 170], ["playing", 270], ["finished", 300]]);
  assert.ok(sent.every((r) => r.request_id === "r3" && r.generation === 3));
});

test("a recording has both sides on one time line", () => {
  const recorder = new Recorder({ rateHz: 1000 });
  recorder.add("left", Int16Array.of(1, 1), 1002);
  recorder.add("left", Int16Array.of(2, 2), 1014);
  recorder.add("right", Int16Array.of(9), 2000);
  const mix = recorder.mixdown();
  assert.equal(mix.length, 2 * 1000);
  assert.deepEqual([mix[0], mix[2], mix[4], mix[6], mix[1999]], [1, 1, 2, 2, 9]);
  recorder.clear();
  assert.ok(recorder.empty);
});

test("a WAV file says what it holds", () => {
  const view = new DataView(encodeWav(Int16Array.of(1, -1), { rateHz: 16000, channels: 2 }));
  assert.equal(view.byteLength, 48);
  assert.equal(view.getUint32(24, true), 16000);
  assert.equal(view.getUint16(22, true), 2);
  assert.equal(view.getInt16(46, true), -1);
});

test("what a browser says becomes one of our failures", () => {
  assert.equal(microphoneFailure({ name: "NotAllowedError" }), "microphone_refused");
  assert.equal(microphoneFailure({ name: "NotFoundError" }), "no_microphone");
  assert.equal(microphoneFailure({ name: "SomethingNew" }), "microphone_busy");
  assert.equal(missingAudio({ isSecureContext: false }), "no_https");
  assert.equal(missingAudio({ isSecureContext: true }), "no_audio_support");
});
