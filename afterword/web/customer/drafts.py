"""What a customer typed into the form, unchanged, and its conversion into reviews."""

from collections.abc import Container, Mapping, Sequence
from typing import NamedTuple

from afterword.actions.reviews.writing import Said
from afterword.domain.reviews.review import Review, Unfit, Words, read_rating, read_words
from afterword.web.customer.reading import Sent, number
from afterword.web.customer.sheet import Topic


class Draft(NamedTuple):
    """One review as typed, with its errors.

    `seen` is the version that the author saw when typing, 0 for none.
    """

    stars: str = ""
    text: str = ""
    seen: int = 0
    wrong_stars: Unfit | None = None
    wrong_text: Unfit | None = None

    @property
    def is_empty(self) -> bool:
        return not self.stars and not self.text.strip()

    @property
    def is_wrong(self) -> bool:
        return bool(self.wrong_stars or self.wrong_text)


class Typed(NamedTuple):
    """A whole form, with the errors that are not about a single review."""

    drafts: Mapping[int, Draft]
    lived: bool = False
    wants_reply: bool = False
    is_unlived: bool = False
    says_nothing: bool = False

    @property
    def is_wrong(self) -> bool:
        return self.is_unlived or self.says_nothing or any(each.is_wrong for each in self.drafts.values())


class Asked(NamedTuple):
    """What a submitted form asks for: to withdraw the review of a line; to show the form from a product on, `more`;
    or else to store reviews. `start` is the product that its page began with."""

    withdraw: int | None = None
    more: int | None = None
    start: int = 0
    said: Sequence[Said] = ()
    wants_reply: bool = False
    is_wrong: bool = False


def draft_of(review: Review | None) -> Draft:
    """An author's existing review, to be edited; empty if it was withdrawn."""
    if review is None:
        return Draft()
    if not review.is_shown_to_author:
        return Draft("", "", review.version)
    return Draft(str(review.rating), review.text, review.version)


def read_asked(sent: Sent, topics: Sequence[Topic], shown: Container[int]) -> Asked:
    """Reads a form, and checks its reviews as `check` does. Raises MalformedBody."""
    fields = sent.fields()
    if "withdraw" in fields:
        return Asked(withdraw=number(fields["withdraw"]))
    if "more" in fields:
        return Asked(more=number(fields["more"]))
    said, typed = check(read_typed(fields, topics), shown)
    return Asked(None, None, number(fields.get("from", "")), said, typed.wants_reply, typed.is_wrong)


def read_typed(fields: Mapping[str, str], topics: Sequence[Topic]) -> Typed:
    """Reads the fields for these topics; all other fields are ignored."""
    drafts = {
        line: Draft(
            fields.get(f"stars-{line}", ""),
            fields.get(f"text-{line}", ""),
            number(fields.get(f"seen-{line}", "")),
        )
        for line, _ in topics
        if f"stars-{line}" in fields or f"text-{line}" in fields
    }
    return Typed(drafts, "lived" in fields, "wants_reply" in fields)


def check(typed: Typed, shown: Container[int]) -> tuple[list[Said], Typed]:
    """The submitted reviews, without skipped topics, and the form with all its errors.

    Emptying the fields of a review that its author sees (its line is in `shown`) is an error: withdrawing has its own
    button.
    """
    said: list[Said] = []
    drafts: dict[int, Draft] = {}
    for line, draft in typed.drafts.items():
        words, drafts[line] = _read(draft, was_empty=line not in shown)
        if words:
            said.append(Said(line, words, draft.seen))
    says_nothing = not said and not any(draft.is_wrong for draft in drafts.values())
    return said, typed._replace(drafts=drafts, is_unlived=not typed.lived, says_nothing=says_nothing)


def _read(draft: Draft, *, was_empty: bool) -> tuple[Words | None, Draft]:
    """The content of a draft, and the draft with its errors. An empty draft has neither, if it was empty before."""
    if draft.is_empty:
        return None, draft if was_empty else draft._replace(wrong_text=Unfit("emptied"))
    rating, text = 0, ""
    try:
        rating = read_rating(draft.stars)
    except Unfit as wrong:
        draft = draft._replace(wrong_stars=wrong)
    try:
        text = read_words(draft.text)
    except Unfit as wrong:
        draft = draft._replace(wrong_text=wrong)
    return (None if draft.is_wrong else Words(rating, text)), draft


def see_again(typed: Typed, reviews: Mapping[int, Review]) -> tuple[Typed, list[int]]:
    """After another window has submitted the same form: what was typed, now based on the current versions, and the
    lines whose review has changed. Submitting it again stores new versions."""
    drafts = dict(typed.drafts)
    changed = []
    for line, draft in typed.drafts.items():
        review = reviews.get(line)
        if review is not None and review.version != draft.seen and not draft.is_empty:
            drafts[line] = Draft(draft.stars, draft.text, review.version)
            changed.append(line)
    return typed._replace(drafts=drafts), changed
