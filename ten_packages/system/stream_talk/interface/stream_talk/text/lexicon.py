"""Words whose dot is not a full stop. Lower case, without the last dot."""

from __future__ import annotations

# Something always follows these. Words that people also end sentences with ("no", "sun", "max") are not among them.
ABBREVIATIONS = frozenset(
    """dr mr mrs ms mx prof st mt ft col lt sgt capt cmdr adm rev hon pres gov sen rep
    e.g i.e eg cf vs viz approx ca figs nos vol pp ed eds
    jan feb apr jun jul aug sep sept oct nov tues thu thur thurs
    dept univ assn bros blvd hwy
    z.b d.h bzw ggf usw evtl nr mme mlle""".split()
)

# A sentence may end with these; a capital letter behind them says so.
MAY_END_SENTENCE = frozenset(
    """etc inc ltd co corp jr a.m p.m am pm u.s u.k u.n e.u ph.d b.sc m.sc b.a m.a d.c p.s""".split()
)

# Abbreviations when a number follows ("Fig. 3", "No. 5"), and ends of sentences otherwise.
BEFORE_NUMBERS = frozenset("no fig sec eq ch chap para ver".split())

# Words that stand before a dot in names of sites and files more often than at the end of a sentence.
SITE_WORDS = frozenset(
    """www http https example google github gitlab youtube wikipedia amazon openai huggingface python localhost
    node next vue main index readme config settings package setup test data image archive pyproject""".split()
)

URL_SCHEMES = frozenset(("http", "https", "ftp", "ftps", "ws", "wss", "mailto", "tel", "file"))
