"""What the domain's codes say in words, where people read them."""

from afterword.i18n.catalogue import sentence

REASONS_IN_WORDS = {
    "abuse": sentence("insults, hatred or threats"),
    "personal data": sentence("another person's personal data, or contact details"),
    "off topic": sentence("not about this shop or this product"),
    "unlawful": sentence("unlawful or confidential"),
    "advertising": sentence("advertising, or a link to another site"),
    "no experience": sentence("not about something its author bought here"),
    "unreadable": sentence("unreadable"),
}
"""Why a review was rejected (domain/reviews/moderation.py)."""

UNFIT_IN_WORDS = {
    "not 1 to 5 stars": sentence("Choose 1 to 5 stars."),
    "no words": sentence("Write a few words."),
    "too long": sentence("This is too long: the limit is {{ limit }} characters."),
    "not text": sentence("Your text contains a character we cannot save. Please remove it."),
    "emptied": sentence(
        "There are no words left. Write a few words, or withdraw this review on the page with your reviews."
    ),
    "too many marks": sentence(
        "One letter has more than {{ limit }} marks above or below it. Please remove some."
    ),
}
"""What is wrong with stars and words (domain/reviews/review.py)."""

CANCELLED_IN_WORDS = {
    "refunded": sentence("The order was refunded"),
    "not delivered": sentence("The order was never delivered"),
    "asked not to": sentence("The customer asked not to be asked"),
    "test": sentence("It was a test order"),
    "duplicate": sentence("Another order covers it"),
    "other": sentence("Another reason"),
}
"""Why an invitation was cancelled (domain/figures.py)."""
