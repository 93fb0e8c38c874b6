"""Guarantee 10: only its author edits a review, and stars decide nothing about it."""

from tests.mutations.mutation import Mutation

OF_REVIEWS = {
    10: (
        Mutation(
            "a rejection takes the words away",
            "reject",
            "reason=check_reason(reason)",
            'text="", reason=check_reason(reason)',
            "test_words_are_changed_by_their_author_alone[sqlite]",
        ),
        Mutation(
            "any reason is accepted",
            "check_reason",
            "text not in REJECTION_REASONS",
            "not text",
            "test_a_rejected_author_is_notified_of_the_reason_and_can_send_it_again[sqlite]",
        ),
        Mutation(
            "few stars wait for a person",
            "_decided",
            "shop.publish_after, flags",
            "shop.publish_after, (*flags, 'low')[: len(flags) + (review.rating < 3)]",
            "test_the_stars_have_no_part_in_what_waits[sqlite]",
        ),
        Mutation(
            "the version that its author saw does not matter",
            "_is_new",
            "(found.version if found else 0) != said.seen_version",
            "said.seen_version < 0",
            "test_an_author_who_saw_another_version_is_refused_and_nothing_is_stored[sqlite-0]",
        ),
        Mutation(
            "the words before a change are lost",
            "store_version",
            "keep_past_version(work.tx, old)",
            "pass",
            "test_a_change_is_a_new_version_and_the_old_one_is_kept[sqlite]",
        ),
        Mutation(
            "a decision is not in the chain",
            "change",
            "work.record(new, kind, details)",
            "pass",
            "test_whatever_becomes_of_reviews_verify_finds_them_whole[sqlite]",
        ),
        Mutation(
            "an entry does not commit to the name",
            "words_of",
            '"author": review.author,',
            "",
            "test_any_changed_value_of_any_row_is_found[sqlite]",
        ),
        Mutation(
            "an entry does not commit to what its review is about",
            "words_of",
            '"scope": review.scope,',
            "",
            "test_an_entry_commits_to_every_value_that_its_author_gave_or_that_it_is_about[scope-200]",
        ),
        Mutation(
            "an entry does not commit to its order",
            "subject_of",
            '"order_id": review.order_id',
            "",
            "test_an_entry_commits_to_every_value_that_its_author_gave_or_that_it_is_about[order_id-8]",
        ),
        Mutation(
            "the head of a chain is not noted",
            "add_entry",
            "tx.note(",
            "str(",
            "test_an_end_that_was_cut_off_is_found_also_when_the_chain_has_grown_since[sqlite]",
        ),
        Mutation(
            "an end that was cut off is forgotten once the chain has grown",
            "_missing",
            "if not is_there and not missing:",
            "missing = []\n            if not is_there:",
            "test_an_end_that_was_cut_off_is_found_also_when_the_chain_has_grown_since[sqlite]",
        ),
        Mutation(
            "a GET withdraws a review",
            "Form.answer",
            "_open(",
            "await self._decide(",
            "test_a_review_is_withdrawn_by_a_press_of_its_own_and_can_be_written_again",
        ),
        Mutation(
            "another site's page can send the form",
            "_comes_from_elsewhere",
            'headers["sec-fetch-site"] not in FROM_OUR_PAGE',
            "False",
            "test_what_another_sites_page_sends_is_refused",
        ),
        Mutation(
            "a hash in another spelling is signed, too",
            "is_signed_by",
            "and _HEX.fullmatch(entry.hash)",
            "",
            "test_a_signature_is_of_one_key_and_one_hash_and_has_one_spelling",
        ),
    ),
}
