"""Guarantee 10, and 8 for reviews: words are their author's alone, whatever was done to a review shows, and no shop
sees another's."""

from tests.sabotage.sabotage import DOMAIN, STORE, Sabotage

WEB = "tests/web/test_"
REVIEWS = f"{STORE}reviews.py::test_"

OF_REVIEWS = (
    Sabotage(
        10,
        "a rejection takes the words away",
        "store/moderation.py",
        "        reason=check_reason(reason),\n",
        '        reason=check_reason(reason),\n        text="",\n',
        f"{REVIEWS}words_change_by_nobody_but_their_author[sqlite]",
    ),
    Sabotage(
        10,
        "any reason will do",
        "domain/moderation.py",
        "if text not in REASONS:",
        "if not text:",
        f"{REVIEWS}a_rejected_author_is_told_the_reason_and_can_send_it_again[sqlite]",
    ),
    Sabotage(
        10,
        "few stars wait for a person",
        "store/reviews.py",
        "    state, publish_at = decide(shop.moderation, shop.publish_after, flags, int(now))\n",
        "    low = (*flags, 'low')[: len(flags) + (words.rating < 3)]\n"
        "    state, publish_at = decide(shop.moderation, shop.publish_after, low, int(now))\n",
        f"{REVIEWS}the_stars_have_no_part_in_what_waits[sqlite]",
    ),
    Sabotage(
        10,
        "the version that its author saw does not matter",
        "store/reviews.py",
        "if (found.version if found else 0) != said.seen_version",
        "if said.seen_version < 0",
        f"{REVIEWS}whoever_saw_another_version_is_told_and_nothing_is_stored[sqlite]",
    ),
    Sabotage(
        10,
        "the last to decide wins",
        "store/queries/reviews.sql",
        "  AND changed_at = :old_changed_at;",
        "  ;",
        f"{REVIEWS}of_two_who_decide_at_once_the_second_is_told_though_the_state_is_the_same[sqlite]",
    ),
    Sabotage(
        10,
        "the words before a change are not kept",
        "store/reviews.py",
        "        _keep_past_version(tx, found)\n",
        "",
        f"{REVIEWS}a_change_is_a_new_version_and_the_old_one_is_kept[sqlite]",
    ),
    Sabotage(
        10,
        "what becomes of a review is not in the chain",
        "store/reviews.py",
        "    add_entry(tx, signer, new, kind, details, now=now)\n",
        "",
        f"{STORE}verification.py::test_whatever_becomes_of_reviews_verify_finds_them_whole[sqlite]",
    ),
    Sabotage(
        10,
        "an entry does not commit to the name",
        "domain/chain.py",
        '        "author": review.author,\n',
        "",
        f"{STORE}verification.py::test_any_changed_value_of_any_row_is_found[sqlite]",
    ),
    Sabotage(
        10,
        "a look withdraws a review",
        "web/form.py",
        '        if request.method == "POST":\n            return await self._post(request)\n',
        '        if request.method == "POST" or "withdraw" in request.query_params:\n'
        "            return await self._post(request)\n",
        f"{WEB}form.py::test_a_review_is_withdrawn_by_a_press_of_its_own_and_can_be_written_again",
    ),
    Sabotage(
        10,
        "another site's page is listened to",
        "web/form.py",
        "return site not in FROM_OUR_PAGE",
        "return False",
        f"{WEB}form.py::test_what_another_sites_page_sends_is_refused",
    ),
    Sabotage(
        10,
        "the words of what was erased are still told",
        "store/moderation.py",
        '("erase_past_versions", "forget_notices")',
        '("erase_past_versions",)',
        f"{STORE}moderation.py::test_nobody_is_told_the_words_of_what_was_erased[sqlite]",
    ),
    Sabotage(
        10,
        "time publishes what the checks found",
        "domain/moderation.py",
        '        return Decision("waiting", None)\n',
        '        return Decision("waiting", now + publish_after)\n',
        "tests/dispatch/test_publishing.py::test_what_the_checks_found_is_never_published_by_time[sqlite]",
    ),
    Sabotage(
        10,
        "a signature in another spelling is the same",
        "domain/chain.py",
        "if not (_HEX.fullmatch(entry.signature) and _HEX.fullmatch(entry.hash)):",
        "if not (entry.signature and entry.hash):",
        f"{DOMAIN}chain.py::test_a_signature_is_of_one_key_and_one_hash_and_has_one_spelling",
    ),
    Sabotage(
        8,
        "shop left out of the list of reviews",
        "store/queries/reviews.sql",
        "       r.imported_from\nFROM reviews r\nWHERE r.shop_id = :shop_id AND r.live",
        "       r.imported_from\nFROM reviews r\nWHERE r.live",
        f"{WEB}private_reviews_http.py::test_whichever_key_asks_for_whatever_it_is_its_own_shops",
    ),
)
