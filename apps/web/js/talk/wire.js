// `/v1/talk` as pure functions: binary frames, wrapping counters, and which messages carry a sequence number. See docs/protocols.md.

export const PROTOCOL = 1;
export const SUBPROTOCOL = "stream-talk.v1";
export const TOKEN_PREFIX = "stream-talk.token.";
export const HEADER_BYTES = 16;
export const MICROPHONE = 1;
export const REPLY = 2;

const FIRST = 1;
const LAST = 2;
const MOVED = 4;

export class WireError extends Error {}

/** Signed distance of two wrapping 32-bit counters: positive when `a` is newer. */
export function distance(a, b) {
  return (a - b) | 0;
}

export function encodeMicrophone({ seq, position, pcm }) {
  const buffer = new ArrayBuffer(HEADER_BYTES + pcm.length * 2);
  const view = new DataView(buffer);
  view.setUint8(0, MICROPHONE);
  view.setUint32(4, seq >>> 0, true);
  view.setUint32(12, position >>> 0, true);
  for (let i = 0; i < pcm.length; i += 1) view.setInt16(HEADER_BYTES + 2 * i, pcm[i], true);
  return buffer;
}

export function decodeReply(buffer) {
  if (buffer.byteLength < HEADER_BYTES) throw new WireError(`a frame of ${buffer.byteLength} bytes has no header`);
  const view = new DataView(buffer);
  const kind = view.getUint8(0);
  if (kind !== REPLY) throw new WireError(`unknown kind of frame: ${kind}`);
  if ((buffer.byteLength - HEADER_BYTES) % 2 !== 0) throw new WireError("half a sample");
  const samples = new Int16Array((buffer.byteLength - HEADER_BYTES) / 2);
  for (let i = 0; i < samples.length; i += 1) samples[i] = view.getInt16(HEADER_BYTES + 2 * i, true);
  const flags = view.getUint8(1);
  return {
    seq: view.getUint32(4, true),
    generation: view.getUint32(8, true),
    position: view.getUint32(12, true),
    first: (flags & FIRST) !== 0,
    last: (flags & LAST) !== 0,
    moved: (flags & MOVED) !== 0,
    samples,
  };
}

export function decodeMessage(text) {
  let message;
  try {
    message = JSON.parse(text);
  } catch {
    throw new WireError("a message that is not JSON");
  }
  if (message === null || typeof message !== "object" || typeof message.type !== "string") {
    throw new WireError("a message without a type");
  }
  return message;
}

export function hello({ client, inputRateHz, outputRateHz, graph, lang, settings, incognito, history, conversation }) {
  const message = {
    type: "hello",
    protocol: PROTOCOL,
    client,
    input: { sample_rate_hz: inputRateHz },
    output: { sample_rate_hz: outputRateHz },
  };
  if (graph) message.graph = graph;
  if (lang) message.lang = lang;
  if (incognito) message.incognito = true;
  if (settings && Object.keys(settings).length > 0) message.settings = settings;
  if (history && history.length > 0) message.history = history;
  if (conversation && !incognito) message.conversation = conversation;
  return message;
}

/** `played`: how far a reply was heard whose buffered sound is lost; it is sent again from there. */
export function resume({ client, sessionId, token, lastSeq, played = null }) {
  const message = { type: "resume", protocol: PROTOCOL, client, session_id: sessionId, token, last_seq: lastSeq >>> 0 };
  if (played) message.played = { generation: played.generation, played_ms: played.playedMs };
  return message;
}

export function socketProtocols(token) {
  return token ? [SUBPROTOCOL, TOKEN_PREFIX + token] : [SUBPROTOCOL];
}
