"""Top-level domains that tell a web address from a sentence whose author left out the blank after a point."""

ENDS = (
    "com|net|org|fr|uk|ch|nl|pl|pt|dk|cz|ru|cn|jp|br|ro|hu|biz|dev|xyz|ly|gl|ws|tk|mobi|asso|"
    "bzh|nz|kr|tr|ua|mx"
)
"""Those that count in lower case wherever they follow a point at once."""

WORDS_TOO = "de|it|be|at|in|is|me|us|es|eu|ca|au|se|ie|tv|ai|app|info|example|co|io|lu|za"
"""Those that are also the first word of many a sentence without its blank ("tres bien.de plus"). They count only
after two letters (not in `m.in.`), at the end of a line or before punctuation."""

WITH_A_PATH = (
    "shop|store|online|site|top|club|link|page|live|blog|news|click|vip|pro|work|cloud|space|life|today|world|website|"
    "design|art|fun|bio|one|win|bid|icu|eus|cat|deals|sale|market|buzz|games"
)
"""Those that count only before a path, besides all of two letters ("bem.produto/entrega" is none)."""

ANY_END = f"(?:{ENDS}|{WORDS_TOO})"
