"""The listed reasons to reject a review, in words; `domain/reviews/moderation.py` has their codes."""

from afterword.i18n.catalogue import sentence

REASONS_IN_WORDS = {
    "abuse": sentence("insults, hatred or threats"),
    "personal data": sentence("personal data of somebody else, or a way to reach a person"),
    "off topic": sentence("not about this shop, or this product"),
    "unlawful": sentence("unlawful, or a secret that must be kept"),
    "advertising": sentence("advertising, or a link to somewhere else"),
    "no experience": sentence("not about something that its author bought here"),
    "unreadable": sentence("cannot be read"),
}
"""By code. One phrase serves the e-mail to the author, their page and the shop's public page."""
