// One conversation with the server over however many connections it takes: hello, resume, exactly-once delivery, capped and jittered
// back-off with a single timer, and a look at the clock to notice a line that died without a word. Sockets, timers and time are handed in,
// so that all of it runs without a network.

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
const SILENT_PINGS = 2;
const CONGESTED_BYTES = 32000;
const RESUME_PATIENCE_MS = 30000;
const OPEN_PATIENCE_MS = 10000;

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
    this.untold = new Map();
    this.unheard = null;
    this.again = null;
  }

  get connected() {
    return this.status === "open";
  }

  start() {
    if (this.status !== "idle") return;
    this.begin();
    this.connect("connecting");
  }

  /** What another page needs to go on with this session; null when there is none. */
  snapshot() {
    const { identity, lastSeq, windowMs, uplink } = this;
    return identity && { identity, lastSeq, windowMs, uplinkSeq: uplink.seq, uplinkPosition: uplink.position };
  }

  /** Goes on where a page before this one left off. `played`: how far the reply was heard whose sound went with that page. */
  goOn({ identity, lastSeq, windowMs, uplinkSeq, uplinkPosition }, played) {
    if (this.status !== "idle") return;
    this.begin();
    Object.assign(this, { identity, lastSeq, windowMs, unheard: played, lostAtMs: this.environment.now() });
    Object.assign(this.uplink, { seq: uplinkSeq, position: uplinkPosition });
    this.connect("reconnecting");
  }

  end() {
    this.send({ type: "bye" });
    this.settle("idle");
  }

  /** Only where a back-off is waited for: a try that is under way is not disturbed. */
  retryNow() {
    if (this.timer === null || this.socket !== null) return;
    this.clearTimer();
    this.connect("reconnecting");
  }

  send(message) {
    if (!this.socket || !this.connected) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  /** Like `send`, but what cannot be sent now is told when the line is back: of each `key` the newest. */
  tell(message, key = message.type) {
    this.untold.delete(key);
    if (!this.send(message) && this.identity) this.untold.set(key, message);
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
    // A browser may wait minutes for a host that is not there.
    this.after(OPEN_PATIENCE_MS, () => {
      this.closed(1006, false);
      socket.close();
    });
    socket.onopen = () => {
      opened = true;
      if (!isMine()) return;
      this.clearTimer();
      socket.send(JSON.stringify(this.opening()));
    };
    socket.onmessage = (event) => isMine() && this.receive(event.data);
    socket.onclose = (event) => isMine() && this.closed(event.code, opened);
  }

  opening() {
    if (this.identity) {
      const { id: sessionId, token } = this.identity;
      return resume({ client: this.client, sessionId, token, lastSeq: this.ack(), played: this.unheard });
    }
    return hello({ client: this.client, inputRateHz: INPUT_RATE_HZ, outputRateHz: OUTPUT_RATE_HZ, ...this.greeting() });
  }

  receive(data) {
    this.silentPings = 0;
    if (typeof data !== "string") {
      const frame = decodeReply(data);
      // What was lost with the page before this one comes again under its old numbers.
      if (this.isNews(frame.seq) || frame.generation === this.again) this.emit("frame", frame);
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
    this.again = this.unheard?.generation ?? null;
    this.unheard = null;
    this.setStatus("open");
    // What was said while the line was being opened, or was broken, goes first.
    for (const bytes of this.uplink.after(message.input_seq ?? 0)) this.socket.send(bytes);
    for (const [key, untold] of [...this.untold]) this.tell(untold, key);
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
    this.silentPings = 1;
    this.pinger = this.environment.setInterval(() => this.checkLine(), PING_MS);
  }

  /**
   * A line can die without a word: a network that is gone tells nobody. Not one message since the last two pings means that; one ping
   * alone may be late because this page was busy.
   */
  checkLine() {
    if (this.silentPings < SILENT_PINGS) {
      this.ping();
      return;
    }
    const { socket } = this;
    this.closed(1006, true);
    socket.close();
  }

  ping() {
    this.silentPings += 1;
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
    this.after(waitMs, () => this.connect("reconnecting"));
  }

  /** The one timer there is: for a line to open, or for the next try. */
  after(waitMs, work) {
    this.clearTimer();
    this.timer = this.environment.setTimeout(() => {
      this.timer = null;
      work();
    }, waitMs);
  }

  forgetIdentity() {
    this.identity = null;
    this.lastSeq = null;
    this.untold.clear();
    this.unheard = null;
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
