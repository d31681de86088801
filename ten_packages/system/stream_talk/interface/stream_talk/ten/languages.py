"""Language names: what people and engines write, and the BCP-47 tag that TEN's messages carry."""

from __future__ import annotations

from functools import lru_cache

_TAGS = {
    "en": "en-US",
    "zh": "zh-CN",
    "yue": "zh-HK",
    "ja": "ja-JP",
    "ko": "ko-KR",
    "de": "de-DE",
    "fr": "fr-FR",
    "es": "es-ES",
    "it": "it-IT",
    "pt": "pt-PT",
    "ru": "ru-RU",
    "nl": "nl-NL",
    "pl": "pl-PL",
    "tr": "tr-TR",
    "ar": "ar-SA",
    "hi": "hi-IN",
    "vi": "vi-VN",
    "th": "th-TH",
    "id": "id-ID",
    "uk": "uk-UA",
    "cs": "cs-CZ",
    "sv": "sv-SE",
    "da": "da-DK",
    "fi": "fi-FI",
    "no": "nb-NO",
    "el": "el-GR",
    "he": "he-IL",
    "hu": "hu-HU",
    "ro": "ro-RO",
}
_ALIASES = {
    "cmn": "zh",
    "mandarin": "zh",
    "chinese": "zh",
    "english": "en",
    "cantonese": "yue",
    "auto": "",
    "nospeech": "",
}


@lru_cache(maxsize=256)
def bcp47(language: str, default: str = "en-US") -> str:
    """`en` -> `en-US`, `zh` -> `zh-CN`, `en_gb` -> `en-GB`; tags pass through; unknown codes stay as they are."""
    code = language.strip().replace("_", "-")
    low = _ALIASES.get(code.lower(), code.lower())
    if not low:
        return default
    if low in _TAGS:
        return _TAGS[low]
    primary, _, region = low.partition("-")
    return f"{primary}-{region.upper()}" if len(region) == 2 else code


def primary(language: str) -> str:
    """The language without its region: `zh-CN` -> `zh`."""
    return bcp47(language).partition("-")[0]
