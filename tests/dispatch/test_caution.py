"""What ends a worker's caution after a message in doubt, and what does not."""

from afterword.dispatch.caution import Caution


def after_a_doubt() -> Caution:
    caution = Caution()
    caution.left_in_doubt(caution.sets_out())
    caution.came_back()
    return caution


def test_only_an_answer_after_the_mark_ends_it() -> None:
    caution = after_a_doubt()
    probe = caution.sets_out()
    caution.was_answered(probe, marked=False)
    assert caution.pause and caution.is_waiting
    caution.was_answered(probe, marked=True)
    assert not caution.pause and not caution.is_waiting


def test_an_answer_to_one_that_set_out_before_the_doubt_does_not_end_it() -> None:
    caution = Caution()
    earlier = caution.sets_out()
    caution.left_in_doubt(caution.sets_out())
    caution.was_answered(earlier, marked=True)
    assert caution.pause and caution.is_outdated(earlier)
