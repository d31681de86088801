// The one state that a person sees, from all that is known. Pure.

const SPOKEN = new Set(["hearing", "thinking", "speaking", "paused"]);

export function visibleState({ status, serverState, muted, microphone, sounding }) {
  if (status === "idle") return "idle";
  if (status === "connecting") return "connecting";
  if (status === "reconnecting") return "reconnecting";
  if (serverState === "paused") return "paused";
  // What the ear hears decides: the last words sound on for a moment after the server has finished.
  if (sounding && serverState !== "hearing") return "speaking";
  if (SPOKEN.has(serverState)) return serverState;
  if (!microphone) return "typing";
  return muted ? "muted" : "listening";
}
