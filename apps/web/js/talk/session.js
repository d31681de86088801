// One conversation with the server over however many connections it takes: hello, resume, exactly-once delivery, capped and jittered
// back-off with a single timer. Sockets, timers and time are handed in, so that all of it runs without a network.

import { backoffMs } from "./backoff.js";
import { ClockSync } from "./clock-sync.js";
import { onClose } from "./close-codes.js";
import { Emitter } from "./emitter.js";
import { Uplink } from "./uplink.js";
import { decodeMessage, decodeReply, distance, hello, resume, socketProtocols } from "./wire.js";

export const INPUT_RATE_HZ = 16000;
export const OUTPUT_RATE_HZ = 24000;
const PING_MS = 5000;
const FIRST_PINGS = 4;
const CONGESTED_BYTES = 32000;
const RESUME_PATIENCE_MS = 30000;

export class Session extends Emitter {
  /** `greeting()` gives the fields of `hello` at the moment of connecting; `probe()` finds out why a connection cannot be opened. */
  constructor({ url, client, token = null, greeting, probe, openSocket, environment }) {
    super();
    Object.assign(this, { url, client, token, greeting, probe, openSocket, environment });
    this.socket = null;
    this.timer = null;
    this.pinger = null;
    this.begin();
    this.status = "idle";
  }

  begin() {
    this.identity = null;
    this.lastSeq = null;
    this.uplink = new Uplink({ rateHz: INPUT_RATE_HZ });
    this.clock = new ClockSync();
    this.attempt = 0;
    this.lostAtMs = null;
    this.retryAfterMs = null;
    this.fatal = null;
  }

  get connected() {
    return this.status === "open";
  }

  start() {
    if (this.status !== "idle") return;
    this.begin();
    this.connect("connecting");
  }

  end() {
    this.send({ type: "bye" });
    this.settle("idle");
  }

  retryNow() {
    if (this.timer === null) return;
    this.clearTimer();
    this.connect(this.identity ? "reconnecting" : "connecting");
  }

  send(message) {
    if (!this.socket || !this.connected) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  /** One microphone frame. Kept for resending whether or not there is a line; held back while the line is congested. */
  sendAudio(pcm, capturedAtMs) {
    const bytes = this.uplink.add(pcm, capturedAtMs);
    if (!this.connected) return;
    if (this.socket.bufferedAmount > CONGESTED_BYTES) this.emit("congested", this.socket.bufferedAmount);
    else this.socket.send(bytes);
  }

  ack() {
    return this.lastSeq === null ? 0 : this.lastSeq;
  }

  connect(status) {
    this.setStatus(status);
    this.fatal = null;
    const socket = this.openSocket(this.url, socketProtocols(this.token));
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    let opened = false;
    const isMine = () => this.socket === socket;
    socket.onopen = () => {
      opened = true;
      if (isMine()) socket.send(JSON.stringify(this.opening()));
    };
    socket.onmessage = (event) => isMine() && this.receive(event.data);
    socket.onclose = (event) => isMine() && this.closed(event.code, opened);
  }

  opening() {
    if (this.identity) {
      return resume({ client: this.client, sessionId: this.identity.id, token: this.identity.token, lastSeq: this.ack() });
    }
    return hello({ client: this.client, inputRateHz: INPUT_RATE_HZ, outputRateHz: OUTPUT_RATE_HZ, ...this.greeting() });
  }

  receive(data) {
    if (typeof data !== "string") {
      const frame = decodeReply(data);
      if (this.isNews(frame.seq)) this.emit("frame", frame);
      return;
    }
    const message = decodeMessage(data);
    if (typeof message.seq === "number" && !this.isNews(message.seq)) return;
    if (message.type === "ready") this.ready(message);
    else if (message.type === "pong") this.pong(message);
    else if (message.type === "error" && message.fatal) this.refused(message);
    else if (message.type === "bye") this.fatal = { code: message.reason, text: message.text };
    else this.emit("message", message);
  }

  isNews(seq) {
    if (this.lastSeq !== null && distance(seq, this.lastSeq) <= 0) return false;
    this.lastSeq = seq;
    return true;
  }

  ready(message) {
    const resumed = Boolean(message.resumed);
    this.identity = { id: message.session_id, token: message.resume_token };
    this.windowMs = message.resume_window_ms ?? RESUME_PATIENCE_MS;
    this.attempt = 0;
    this.lostAtMs = null;
    this.setStatus("open");
    // What was said while the line was being opened, or was broken, goes first.
    for (const bytes of this.uplink.after(message.input_seq ?? 0)) this.socket.send(bytes);
    this.startPinging();
    this.emit("ready", { ...message, resumed });
  }

  refused(message) {
    this.fatal = { code: message.code, text: message.text };
    this.retryAfterMs = message.retry_after_ms ?? null;
  }

  pong(message) {
    const receivedMs = this.environment.now();
    this.clock.pong({ sentMs: message.client_ts_ms, receivedMs, serverMs: message.server_ts_ms });
    this.emit("rtt", this.clock.rttMs);
  }

  startPinging() {
    this.stopPinging();
    for (let i = 0; i < FIRST_PINGS; i += 1) this.ping();
    this.pinger = this.environment.setInterval(() => this.ping(), PING_MS);
  }

  ping() {
    this.send({ type: "ping", client_ts_ms: this.environment.now() });
  }

  stopPinging() {
    if (this.pinger !== null) this.environment.clearInterval(this.pinger);
    this.pinger = null;
  }

  async closed(code, opened) {
    this.socket = null;
    this.stopPinging();
    const { action, failure } = onClose(code);
    const reason = failure && { code: failure, text: this.fatal?.text, retryAfterMs: this.retryAfterMs };
    if (action === "stop") {
      this.settle("idle");
      if (reason) this.emit("failure", reason);
      return;
    }
    if (action !== "resume") this.forgetIdentity();
    if (reason) this.emit("failure", reason);
    this.retryLater(action === "wait" ? this.retryAfterMs : null);
    if (!opened) await this.explain();
  }

  /** A browser is not told why a connection could not be opened; a plain request finds out. */
  async explain() {
    const code = await this.probe();
    if (this.status === "idle" || this.connected || code === null) return;
    if (code === "token_needed") this.settle("idle");
    this.emit("failure", { code });
  }

  retryLater(askedMs) {
    const nowMs = this.environment.now();
    if (this.lostAtMs === null) this.lostAtMs = nowMs;
    if (this.identity && nowMs - this.lostAtMs > this.windowMs) this.forgetIdentity();
    const waitMs = askedMs ?? backoffMs(this.attempt, this.environment.random);
    this.attempt += 1;
    this.setStatus("reconnecting", { waitMs });
    this.clearTimer();
    this.timer = this.environment.setTimeout(() => {
      this.timer = null;
      this.connect("reconnecting");
    }, waitMs);
  }

  forgetIdentity() {
    this.identity = null;
    this.lastSeq = null;
    this.uplink = new Uplink({ rateHz: INPUT_RATE_HZ });
    this.clock = new ClockSync();
    this.emit("renewed");
  }

  settle(status) {
    this.clearTimer();
    this.stopPinging();
    const socket = this.socket;
    this.socket = null;
    this.identity = null;
    this.setStatus(status);
    if (socket) socket.close(1000);
  }

  clearTimer() {
    if (this.timer !== null) this.environment.clearTimeout(this.timer);
    this.timer = null;
  }

  setStatus(status, detail = {}) {
    this.status = status;
    this.emit("status", { status, ...detail });
  }
}
