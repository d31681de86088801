"""The few sentences that the conversation says by itself, in the person's language where we have it."""

from __future__ import annotations

_PHRASES = {
    "llm_failed": {
        "en": "Sorry, I could not think of an answer just now. Please try again.",
        "zh": "抱歉，我刚才没能想出回答，请再试一次。",
        "de": "Entschuldigung, mir ist gerade keine Antwort eingefallen. Bitte versuch es noch einmal.",
        "fr": "Désolé, je n'ai pas trouvé de réponse. Réessayez, s'il vous plaît.",
        "es": "Lo siento, no he podido pensar una respuesta. Inténtalo otra vez.",
        "ja": "すみません、今は答えられませんでした。もう一度お願いします。",
    },
    "llm_broke_off": {
        "en": "Sorry, I lost my thread.",
        "zh": "抱歉，我的思路断了。",
        "de": "Entschuldigung, ich habe den Faden verloren.",
        "fr": "Désolé, j'ai perdu le fil.",
        "es": "Perdona, he perdido el hilo.",
        "ja": "すみません、話が途切れてしまいました。",
    },
    "asr_failed": {
        "en": "Sorry, I could not hear that.",
        "zh": "抱歉，我没听清。",
        "de": "Entschuldigung, das habe ich nicht verstanden.",
        "fr": "Désolé, je n'ai pas entendu.",
        "es": "Perdona, no te he oído.",
        "ja": "すみません、聞き取れませんでした。",
    },
}


def phrase(code: str, language: str) -> str:
    by_language = _PHRASES[code]
    return by_language.get(language.split("-")[0].lower(), by_language["en"])
