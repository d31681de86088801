// What a browser says when sound cannot be had, as one of our failure codes. Pure.

const BY_NAME = {
  NotAllowedError: "microphone_refused",
  SecurityError: "microphone_refused",
  NotFoundError: "no_microphone",
  DevicesNotFoundError: "no_microphone",
  OverconstrainedError: "no_microphone",
  NotReadableError: "microphone_busy",
  TrackStartError: "microphone_busy",
  AbortError: "microphone_busy",
};

export function microphoneFailure(error) {
  return BY_NAME[error?.name] ?? "microphone_busy";
}

/** Without a secure context there is neither a microphone nor an audio worklet. */
export function missingAudio(scope) {
  if (!scope.isSecureContext) return "no_https";
  if (!scope.AudioContext || !scope.AudioWorkletNode || !scope.navigator?.mediaDevices?.getUserMedia) return "no_audio_support";
  return null;
}
