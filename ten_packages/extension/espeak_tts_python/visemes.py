"""From espeak's phoneme mnemonics to mouth shapes: the fifteen of Oculus/Ready Player Me (`sil PP FF TH DD kk CH SS nn RR
aa E I O U`), which every avatar understands.

espeak writes a phoneme as a mnemonic of one to three signs with marks around it: stress in front (`'` `,` `%` `=`), length,
palatalisation and variants behind (`:` `;` `#` `2` ...). Marks do not change the mouth, so the longest known mnemonic
at the front decides. Mandarin's initials and finals are in the same table.
"""

from __future__ import annotations

VISEMES = ("sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "I", "O", "U")

_SHAPES: dict[str, str] = {
    "PP": "p b m ph",
    "FF": "f v",
    "TH": "T D",
    "DD": "t d th t# 4",
    "kk": "k g h x X kh N ? Q",
    "CH": "tS dZ S Z C tS; tS;h S; ts.h ts. s. z.",
    "SS": "s z ts tsh",
    "nn": "n l n^ l/ L",
    "RR": "r 3 r/ R i. R2",
    "aa": "a A aI aU A@ 0 V & aa a# A# Au ai Ai iA ia uA ua A: ar",
    "E": "e E @ eI e@ @2 @L I2 iE ie ye yE ei @5 E# ue",
    "I": "i I j i: I# i@ y i@3 iou iu in",
    "O": "O o O2 OI o@ O@ o- uo O: ou @U",
    "U": "u U w u: oU U@ uei ui y:",
}
_BY_MNEMONIC = {mnemonic: viseme for viseme, mnemonics in _SHAPES.items() for mnemonic in mnemonics.split()}
_LONGEST = max(map(len, _BY_MNEMONIC))
_STRESS_MARKS = "'\",%=_|~"


def is_pause(phoneme: str) -> bool:
    return phoneme.startswith("_")


def is_language_switch(phoneme: str) -> bool:
    """`(en)` inside a Mandarin sentence: not a sound."""
    return phoneme.startswith("(")


def viseme_of(phoneme: str) -> str:
    if is_pause(phoneme) or is_language_switch(phoneme):
        return "sil"
    bare = phoneme.lstrip(_STRESS_MARKS)
    for length in range(min(_LONGEST, len(bare)), 0, -1):
        viseme = _BY_MNEMONIC.get(bare[:length])
        if viseme is not None:
            return viseme
    return "sil" if not bare else "E"
