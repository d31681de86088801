"""A small app of its own, so that findings do not depend on the extensions of this project."""

import json

MANIFESTS = {
    "ear_python": {
        "property": {
            "properties": {
                "lang": {"type": "string"},
                "rate": {"type": "int32"},
                "params": {"type": "object", "properties": {"model": {"type": "string"}, "beam": {"type": "int32"}}},
            }
        },
        "data_out": [
            {"name": "asr_result", "property": {"properties": {"text": {"type": "string"}, "final": {"type": "bool"}}}}
        ],
        "audio_frame_in": [{"name": "pcm_frame"}],
    },
    "brain_python": {
        "data_in": [
            {"name": "asr_result", "property": {"properties": {"text": {"type": "string"}, "final": {"type": "bool"}}}}
        ],
        "cmd_out": [{"name": "flush"}],
    },
    "strict_brain_python": {
        "data_in": [{"name": "asr_result", "property": {"properties": {"final": {"type": "int32"}}}}],
    },
    "quiet_python": {},
}
DEFAULTS = {"ear_python": {"lang": "en", "params": {"model": "tiny"}}}


def write_json(path, tree):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(tree, ensure_ascii=False), "utf-8")
    return path


def extension(name, addon, **more):
    return {"type": "extension", "name": name, "addon": addon, **more}


def conversation():
    """A sound session graph of the small app."""
    return {
        "nodes": [extension("stt", "ear_python", property={"rate": 16000}), extension("main", "brain_python")],
        "connections": [{"extension": "main", "data": [{"name": "asr_result", "source": [{"extension": "stt"}]}]}],
        "exposed_messages": [
            {"type": "audio_frame_in", "name": "pcm_frame", "extension": "stt"},
            {"type": "cmd_out", "name": "flush", "extension": "main"},
        ],
    }
