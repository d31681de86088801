// One AudioContext for microphone and loudspeaker: one clock, and the browser's echo canceller hears what it has to cancel.
// Knows nothing of the conversation; times it gives are `performance.now()` milliseconds.

import { Emitter } from "../talk/emitter.js";
import { INPUT_RATE_HZ, OUTPUT_RATE_HZ } from "../talk/session.js";
import { microphoneFailure, missingAudio } from "./failures.js";

export const FRAME_MS = 20;
const WAKE_PATIENCE_MS = 1000;
const UNPLUGGED = new Set(["OverconstrainedError", "NotFoundError"]);
const MODULES = ["./playout-worklet.js", "./capture-worklet.js"].map((file) => new URL(file, import.meta.url));

export class AudioEngine extends Emitter {
  constructor() {
    super();
    this.context = null;
    this.playout = null;
    this.microphone = null;
    this.waiting = [];
  }

  /** Call inside a click or key press: some browsers start a context nowhere else. Returns a failure code or null. */
  async open({ speakerId }) {
    if (this.context) return this.wake();
    const missing = missingAudio(window);
    if (missing) return missing;
    const context = new AudioContext({ latencyHint: "interactive" });
    this.context = context;
    context.onstatechange = () => this.emit("context", context.state);
    const woken = this.wake();
    if (navigator.audioSession) navigator.audioSession.type = "play-and-record";
    try {
      await Promise.all(MODULES.map((module) => context.audioWorklet.addModule(module)));
    } catch {
      // The worklets come from the server like everything else. Without them there is no sound; the next try loads them.
      if (this.context === context) await this.close();
      return "server_gone";
    }
    // The person may have ended the conversation before it began.
    if (this.context !== context) return null;
    this.addPlayout(context);
    if (speakerId) await this.useSpeaker(speakerId);
    return woken;
  }

  get isOpen() {
    return this.playout !== null;
  }

  addPlayout(context) {
    this.playout = new AudioWorkletNode(context, "playout", {
      numberOfInputs: 0,
      outputChannelCount: [1],
      processorOptions: { inputRateHz: OUTPUT_RATE_HZ },
    });
    const { port } = this.playout;
    port.onmessage = ({ data }) => this.playout?.port === port && this.emit(data.type === "event" ? "playout" : "progress", data);
    this.playout.connect(context.destination);
    for (const [order, transfer] of this.waiting.splice(0)) this.playout.port.postMessage(order, transfer);
  }

  /** Starts the sound. A browser that wants a gesture first leaves the promise of `resume` open for good, so nobody waits for it longer. */
  async wake() {
    const { context } = this;
    if (!context || context.state === "running") return null;
    const resumed = context.resume().catch(() => null);
    await Promise.race([resumed, new Promise((done) => setTimeout(done, WAKE_PATIENCE_MS))]);
    return this.context === context && context.state !== "running" ? "audio_blocked" : null;
  }

  /** Opens or replaces the microphone. Returns a failure code or null. */
  async openMicrophone({ deviceId, processing }) {
    const constraints = {
      channelCount: 1,
      echoCancellation: processing,
      noiseSuppression: processing,
      autoGainControl: processing,
    };
    if (deviceId) constraints.deviceId = { exact: deviceId };
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: constraints });
    } catch (error) {
      // A remembered device that was unplugged must not keep anyone from talking.
      if (deviceId && UNPLUGGED.has(error.name)) return this.openMicrophone({ deviceId: null, processing });
      return microphoneFailure(error);
    }
    if (!this.context) {
      for (const track of stream.getTracks()) track.stop();
      return null;
    }
    this.closeMicrophone();
    this.attach(stream);
    return null;
  }

  attach(stream) {
    const [track] = stream.getAudioTracks();
    const source = this.context.createMediaStreamSource(stream);
    const node = new AudioWorkletNode(this.context, "capture", {
      outputChannelCount: [1],
      processorOptions: { outputRateHz: INPUT_RATE_HZ, frameMs: FRAME_MS },
    });
    const inputLatencyMs = (track.getSettings().latency ?? 0) * 1000;
    node.port.onmessage = ({ data }) => {
      // Frames that were on their way when the conversation ended.
      if (this.microphone?.node !== node) return;
      const ageMs = (this.context.currentTime - data.endTime) * 1000;
      const capturedAtMs = performance.now() - Math.max(0, ageMs) - inputLatencyMs;
      this.emit("captured", { pcm: data.pcm, level: data.level, capturedAtMs });
    };
    // The node writes nothing; connecting it makes every browser pull it.
    source.connect(node).connect(this.context.destination);
    track.onended = () => this.emit("microphone-lost");
    // The system, another program or a key on the device can silence a microphone that stays open.
    track.onmute = () => this.emit("microphone-silenced", true);
    track.onunmute = () => this.emit("microphone-silenced", false);
    this.microphone = { stream, track, source, node, inputLatencyMs };
  }

  closeMicrophone() {
    if (!this.microphone) return;
    const { track, source, node } = this.microphone;
    track.onended = track.onmute = track.onunmute = null;
    node.port.postMessage("close");
    source.disconnect();
    node.disconnect();
    track.stop();
    this.microphone = null;
  }

  setMicrophoneLive(live) {
    if (this.microphone) this.microphone.track.enabled = live;
  }

  play(frame) {
    this.order({ type: "frame", ...frame }, [frame.samples.buffer]);
  }

  /** The line may be quicker than the sound: what comes while the worklets still load is kept, in order. */
  order(order, transfer = []) {
    if (this.playout) this.playout.port.postMessage(order, transfer);
    else if (this.context) this.waiting.push([order, transfer]);
  }

  /** Local time at which the audio thread rendered the sample of that context time. */
  renderedAtMs(contextTime) {
    return performance.now() - Math.max(0, this.context.currentTime - contextTime) * 1000;
  }

  /** Local time at which the sample of that context time reaches the ear. */
  heardAtMs(contextTime) {
    const stamp = this.context.getOutputTimestamp?.();
    if (stamp && stamp.contextTime > 0) return stamp.performanceTime + (contextTime - stamp.contextTime) * 1000;
    return performance.now() + (contextTime - this.context.currentTime) * 1000 + this.outputLatencyMs;
  }

  get outputLatencyMs() {
    if (!this.context) return 0;
    return ((this.context.baseLatency || 0) + (this.context.outputLatency || 0)) * 1000;
  }

  get inputLatencyMs() {
    return this.microphone ? this.microphone.inputLatencyMs : 0;
  }

  async useSpeaker(deviceId) {
    if (!this.context?.setSinkId) return;
    try {
      await this.context.setSinkId(deviceId);
    } catch {
      // A remembered loudspeaker that is not there any more must not keep anyone from hearing: the system's own is used.
      await this.context?.setSinkId("");
    }
  }

  async close() {
    this.closeMicrophone();
    const context = this.context;
    this.context = null;
    this.waiting = [];
    if (this.playout) {
      this.playout.port.postMessage({ type: "close" });
      this.playout.disconnect();
      this.playout = null;
    }
    if (!context) return;
    context.onstatechange = null;
    await context.close();
  }
}

export async function listDevices() {
  if (!navigator.mediaDevices?.enumerateDevices) return { microphones: [], speakers: [] };
  const devices = await navigator.mediaDevices.enumerateDevices();
  return {
    microphones: devices.filter((d) => d.kind === "audioinput"),
    speakers: devices.filter((d) => d.kind === "audiooutput"),
  };
}
