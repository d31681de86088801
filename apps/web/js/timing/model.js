// From the person's last sample to the first sound they hear: where the time went. Pure; all times are local `performance.now()` milliseconds.

const NODE_KINDS = { tts: "voice", llm: "engine", stt: "engine", memory: "engine", turn_detection: "wait", vad: "wait", endpoint: "wait" };
const KEEP = 50;

/** Percentile by the nearest rank: a value that really occurred. */
export function percentile(values, share) {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

export class TimingModel {
  constructor() {
    this.clear();
  }

  clear() {
    this.turns = [];
    this.open = new Map();
    this.turnOf = new Map();
  }

  /** A new session counts its turns from one again; the drawn ones stay. */
  seal() {
    this.open.clear();
    this.turnOf.clear();
    this.turns = this.turns.map((turn) => ({ ...turn, sealed: true }));
  }

  /** The turns that another page has drawn. */
  restore(turns) {
    this.clear();
    this.turns = turns.map((turn) => ({ ...turn, sealed: true }));
  }

  turn(turnId) {
    if (!this.open.has(turnId)) {
      this.open.set(turnId, { turnId, text: "", lastSampleMs: null, arrivedMs: null, startedMs: null, heardMs: null, trace: null, clock: null });
      if (this.open.size > KEEP) this.open.delete(this.open.keys().next().value);
    }
    return this.open.get(turnId);
  }

  personSaid({ turnId, text, lastSampleMs }) {
    Object.assign(this.turn(turnId), { text, lastSampleMs });
  }

  replyOpened({ turnId, generation }) {
    this.turnOf.set(generation, turnId);
  }

  frameArrived(generation, nowMs) {
    const turn = this.of(generation);
    if (turn && turn.arrivedMs === null) turn.arrivedMs = nowMs;
  }

  /** The first sample of a reply left the buffer at `startedMs` and reaches the ear at `heardMs`. */
  replyStarted(generation, { startedMs, heardMs, inputLatencyMs, rttMs }) {
    const turn = this.of(generation);
    if (!turn || turn.heardMs !== null) return null;
    // The audio thread's clock and this one differ by a few milliseconds; nothing starts before it has arrived.
    Object.assign(turn, { startedMs: Math.max(startedMs, turn.arrivedMs ?? startedMs), heardMs, inputLatencyMs, rttMs });
    return this.finish(turn);
  }

  traced(turnId, trace, toLocal) {
    const turn = this.turn(turnId);
    // Spans count from the trace's own zero, which lies on the server's clock.
    const zeroMs = trace.epoch_ms ?? 0;
    const local = (ms) => toLocal(zeroMs + ms) ?? NaN;
    const spans = (trace.spans ?? []).map((span) => ({ ...span, fromMs: local(span.start_ms), toMs: local(span.end_ms) }));
    turn.trace = { ...trace, spans: spans.filter((span) => Number.isFinite(span.fromMs) && Number.isFinite(span.toMs)) };
    return this.finish(turn);
  }

  of(generation) {
    return this.turnOf.has(generation) ? this.turn(this.turnOf.get(generation)) : null;
  }

  finish(turn) {
    if (turn.heardMs === null || turn.lastSampleMs === null) return null;
    const waterfall = buildWaterfall(turn);
    if (waterfall.totalMs <= 0) return null;
    const known = this.turns.findIndex((t) => !t.sealed && t.turnId === turn.turnId);
    if (known >= 0) this.turns[known] = waterfall;
    else this.turns.push(waterfall);
    if (this.turns.length > KEEP) this.turns.shift();
    return waterfall;
  }

  summary() {
    const totals = this.turns.map((turn) => turn.totalMs);
    return { count: totals.length, lastMs: totals.at(-1) ?? null, p50Ms: percentile(totals, 0.5), p95Ms: percentile(totals, 0.95) };
  }
}

export function buildWaterfall(turn) {
  const zero = turn.lastSampleMs;
  const totalMs = turn.heardMs - zero;
  const rows = [];
  const add = (stage, kind, fromMs, toMs, extra = {}) => {
    if (toMs < zero || !Number.isFinite(fromMs)) return;
    rows.push({ stage, kind, fromMs: fromMs - zero, durationMs: Math.max(0, toMs - fromMs), ...extra });
  };
  const oneWayMs = (turn.rttMs ?? 0) / 2;
  add("microphone", "line", zero, zero + (turn.inputLatencyMs ?? 0));
  add("line_up", "line", zero + (turn.inputLatencyMs ?? 0), zero + (turn.inputLatencyMs ?? 0) + oneWayMs);
  for (const span of turn.trace?.spans ?? []) {
    // The host's own span is what is measured here, to the sample.
    if (span.node === "host") continue;
    // What begins after the first sound was heard cost the person nothing.
    if (span.fromMs > turn.heardMs) continue;
    add(span.name, NODE_KINDS[span.node] ?? NODE_KINDS[span.name] ?? "other", span.fromMs, Math.min(span.toMs, turn.heardMs), { node: span.node });
  }
  if (turn.arrivedMs !== null) {
    add("line_down", "line", turn.arrivedMs - oneWayMs, turn.arrivedMs);
    add("jitter", "line", turn.arrivedMs, turn.startedMs);
  }
  add("loudspeaker", "line", turn.startedMs, turn.heardMs);
  rows.sort((a, b) => a.fromMs - b.fromMs);
  return { turnId: turn.turnId, text: turn.text, totalMs, rows };
}
