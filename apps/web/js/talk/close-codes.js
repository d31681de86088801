// What the page does when a connection ends: the protocol's close codes (docs/protocols.md 1.8) as a table. Pure.
//
//   stop     the person ended it, or it makes no sense to go on by itself
//   resume   same session, nothing lost
//   anew     a new session that is handed the history
//   wait     like anew, after the time the server asked for

const TABLE = {
  1000: { action: "stop", failure: null },
  1001: { action: "anew", failure: "server_draining" },
  1009: { action: "anew", failure: null },
  4400: { action: "stop", failure: "malformed" },
  4401: { action: "stop", failure: "token_needed" },
  4403: { action: "stop", failure: "origin_refused" },
  4408: { action: "anew", failure: null },
  4409: { action: "stop", failure: "idle" },
  4410: { action: "anew", failure: null },
  4411: { action: "resume", failure: "slow_line" },
  4412: { action: "stop", failure: "taken_over" },
  4422: { action: "stop", failure: "unsupported" },
  4429: { action: "stop", failure: "rate_limited" },
  4500: { action: "stop", failure: "graph_failed" },
  4503: { action: "wait", failure: "at_capacity" },
};

export function onClose(code) {
  return TABLE[code] ?? { action: "resume", failure: null };
}
