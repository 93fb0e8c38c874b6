"""Words that put a review before a person: insults to people, hatred, threats.

Folded: lower case, without accents. All lists count in every language, so what is an ordinary word in one of them is
on none (a `bâtard` is bread, a `retard` is a delay in French). Nor is a word about the goods, however crude:
whoever is angry about a product is not made to wait for it.
"""

_ENGLISH = """
    arsehole, arseholes, asshole, assholes, bastard, bastards, bitch, bitches, cunt, cunts, dickhead, dickheads,
    dumbass, faggot, fuckface, fucktard, gook, gooks, kike, kikes, moron, morons, motherfucker, motherfuckers,
    nigga, niggas, nigger, niggers, paki, pakis, raghead, ragheads, retarded, scumbag, scumbags, slut, sluts,
    tranny, trannies, twat, twats, wanker, wankers, wetback, wetbacks, whore, whores, bunch of idiots, fuck off,
    fuck you, go to hell, hope you die, i will kill you, kill yourself, piece of shit like you, stupid cow, you
    idiot, you idiots, you piece of shit
"""

_FRENCH = """
    abruti, abrutie, abruties, abrutis, bougnoule, bougnoules, conard, conards, conasse, conasses, connard,
    connards, connasse, connasses, crevure, crevures, encule, enculee, encules, enculer, enfoire, enfoires, fdp,
    gouine, gouines, negre, negres, ntm, pede, pedes, pouffiasse, pouffiasses, pute, putes, salaud, salauds, salop,
    salope, salopes, salops, tantouze, tantouzes, tarlouze, tarlouzes, youpin, youpins, youpine, allez crever, bande
    d idiots, bande de cons, bande de nazes, espece d idiot, espece de con, gros con, je vais te tuer, je vais vous
    tuer, nique ta mere, niquez vos meres, pauvre con, pauvre conne, pauvres cons, sale arabe, sale con, sale conne,
    sale juif, sale juive, sales arabes, sales cons, sales juifs, ta gueule, va te faire foutre, vos gueules
"""


def _entries(listed: str) -> frozenset[str]:
    return frozenset(" ".join(entry.split()) for entry in listed.split(","))


_ALL = _entries(_ENGLISH) | _entries(_FRENCH)

WORDS = frozenset(entry for entry in _ALL if " " not in entry)
"""Words that count by themselves."""

PHRASES = tuple(sorted(_ALL - WORDS))
"""Words that count only one after the other, with one blank between them."""
