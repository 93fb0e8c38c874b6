"""The exports that people really have, with their own headings: each is read as it is."""

from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest

from afterword.domain.csv import read_rows
from afterword.domain.reviews.foreign import Foreign, Source, read_review
from afterword.domain.reviews.headings import read_head
from afterword.domain.values import utc_text

NOW = 1_772_374_326
SOURCE = Source("Old Reviews Ltd", ZoneInfo("Europe/Paris"), "en")


class Sample(NamedTuple):
    """A file of another service, and what is read from its rows: `refused`, `not shown`, or a review's product,
    stars, text, author, time of writing (UTC), experience date, reply and whether it waits."""

    headings: str
    rows: tuple[str, ...]
    read: tuple[object, ...]


SAMPLES = {
    "Judge.me": Sample(
        "title,body,rating,review_date,source,curated,reviewer_name,reviewer_email,product_id,product_handle,reply,"
        "reply_date,picture_urls,ip_address,location",
        (
            "Great,Lovely crust.,5,2025-03-02 10:12:00 UTC,web,ok,Camille Rousset,c@x.example,7012345678,rye,Thanks,"
            "2025-03-03 08:00:00 UTC,,,FR",
            "Buy,Cheap watches,5,2025-01-10 10:00:00 UTC,web,spam,Bot,b@x.example,7012345678,rye,,,,,",
            "New,Just in.,4,2025-01-10 10:00:00 UTC,web,not-yet,Marc,m@x.example,7012345678,rye,,,,,",
            "Shop,Friendly.,4,2025-01-10 10:00:00 UTC,web,ok,Marc,m@x.example,,,,,,,",
        ),
        (
            (
                "7012345678",
                5,
                "Great\n\nLovely crust.",
                "Camille R.",
                "2025-03-02T10:12:00Z",
                "",
                "Thanks",
                False,
            ),
            "not shown",
            ("7012345678", 4, "New\n\nJust in.", "Marc", "2025-01-10T10:00:00Z", "", None, True),
            "refused: product_id",
        ),
    ),
    "Yotpo, new": Sample(
        "appKey,Review ID,Review Creation Date,Review Type,Review Status,Status Details,Review Source,Review Score,"
        "Review Title,Review Content,Sentiment Score,Profanity Flag,Comment Date,Comment Content,Comment Public,"
        "Order ID,Order Date,Reviewer Display Name,Reviewer Email,Product ID,Product Title,Product URL,"
        "Product Handle,Product SKU",
        (
            "k,17,2025-03-02,Product,Published,,Email,4,Nice,Good bread,0.9,,2025-03-04,Thank you,true,A-1,"
            "2025-02-20,Clara Nunez,c@x.example,100,Rye,https://x.example,rye,SKU",
            "k,18,2025-03-02,Site,Published,,Email,5,,Good shop,0.9,,,,,A-1,2025-02-20,Clara Nunez,c@x.example,"
            "yotpo_site_reviews,,,,",
            "k,19,2025-03-02,Product,Rejected,,Email,1,,Bad,0.9,,,,,A-1,,Clara Nunez,c@x.example,100,Rye,,rye,SKU",
        ),
        (
            (
                "100",
                4,
                "Nice\n\nGood bread",
                "Clara N.",
                "2025-03-02T11:00:00Z",
                "2025-02-20",
                "Thank you",
                False,
            ),
            ("site", 5, "Good shop", "Clara N.", "2025-03-02T11:00:00Z", "2025-02-20", None, False),
            "not shown",
        ),
    ),
    "Yotpo, old": Sample(
        "Review Title;Review Content;Review Score;Date;Product ID;Product Title;Product URL;Display Name;Email;"
        "Verified Purchase",
        ('Super;"Good ; really ""top""";5;2025-03-15;999;Bag;https://x.example;Ana Lopez;a@x.example;Yes',),
        (("999", 5, 'Super\n\nGood ; really "top"', "Ana L.", "2025-03-15T11:00:00Z", "", None, False),),
    ),
    "Loox": Sample(
        "id,status,rating,email,nickname,full_name,review,date,productId,handle,img,variant,verified_purchase",
        (
            "1,Active,5,a@x.example,Julie,Julie Martin,Perfect,2024-11-05T08:00:00.000Z,8123,dress,,M,true",
            "2,Hidden,1,a@x.example,Paul,Paul Durand,Too small,2024-11-05,8123,dress,,M,true",
            "3,Active,4,a@x.example,,Nora Bell,,2024-10-01,8124,coat,,S,false",
            "4,Active,4,a@x.example,,Nora Bell,Nice,2024-10-01,,coat,,S,false",
        ),
        (
            ("8123", 5, "Perfect", "Julie", "2024-11-05T08:00:00Z", "", None, False),
            "not shown",
            ("8124", 4, "", "Nora B.", "2024-10-01T10:00:00Z", "", None, False),
            "refused: product_id",
        ),
    ),
    "Okendo": Sample(
        "reviewId,productId,rating,title,body,reviewer.name,reviewer.email,dateCreated,Status",
        (
            "r1,123,5,Great,Soaks in fast,Sarah Kim,s@x.example,2025-08-01T10:00:00Z,approved",
            "r2,123,1,Bad,Too oily,Sarah Kim,s@x.example,2025-08-01T10:00:00Z,rejected",
        ),
        (
            ("123", 5, "Great\n\nSoaks in fast", "Sarah K.", "2025-08-01T10:00:00Z", "", None, False),
            "not shown",
        ),
    ),
    "Okendo, template": Sample(
        "name,body,handle,productId,rating,sku,dateCreated,countryCode,email,imageUrls,title",
        ("Zoe,Smells good,candle,gid://shopify/Product/555,4,C-1,2025-02-01,us,z@x.example,,",),
        (("gid://shopify/Product/555", 4, "Smells good", "Zoe", "2025-02-01T11:00:00Z", "", None, False),),
    ),
    "BigCommerce": Sample(
        "title,text,status,rating,email,name,date_reviewed,id,product_id,date_created,date_modified",
        (
            "Great,Good bread,approved,5,c@x.example,Clara Nunez,2025-03-02T10:12:00Z,7,100,2025-03-02T10:12:00Z,",
            "Bad,Hm,disapproved,1,c@x.example,Clara Nunez,2025-03-02T10:12:00Z,8,100,2025-03-02T10:12:00Z,",
            "Bad,Hm,pending,1,c@x.example,Clara Nunez,2025-03-02T10:12:00Z,9,100,2025-03-02T10:12:00Z,",
        ),
        (
            ("100", 5, "Great\n\nGood bread", "Clara N.", "2025-03-02T10:12:00Z", "", None, False),
            "not shown",
            "not shown",
        ),
    ),
    "Kudobuzz": Sample(
        "Reviewer Name,Reviewer Email,Review Title,Reviewer Image,Review Message,Product ID,Review Score,Verified,"
        "Published,Created_at",
        (
            "Rubin,r@x.example,First,https://x.example,My message,171092420,3,TRUE,TRUE,2015-08-10 14:16:38 GMT",
            "Apore,r@x.example,First,https://x.example,My message,171092420,1,TRUE,FALSE,2015-08-10 14:16:38 GMT",
            "Malka,r@x.example,First,,My message,171092420,5,TRUE,TRUE,Mon Aug 10 2015 14:16:38 GMT+0000 (GMT)",
        ),
        (
            ("171092420", 3, "First\n\nMy message", "Rubin", "2015-08-10T14:16:38Z", "", None, False),
            "not shown",
            "refused: date",
        ),
    ),
    "Trustpilot": Sample(
        "Domain Url,Webshop Name,Business Unit Id,Review Id,Review Created (UTC),Review Consumer User Id,"
        "Review Username,Review Title,Review Content,Review Stars,Source Of Review,Reference Id,Company Response,"
        "Business Reply Date (UTC)",
        (
            "x.example,X,1,r1,2025-07-01 10:00:00,9,Sam Poole,Great,Fast reply.,4,Invitation,A-1,Thanks!,"
            "2025-07-02 10:00:00",
            "x.example,X,1,r2,2025-07-01T10:00:00Z,9,Sam Poole,,,1,Organic,,,",
        ),
        (
            ("site", 4, "Great\n\nFast reply.", "Sam P.", "2025-07-01T10:00:00Z", "", "Thanks!", False),
            ("site", 1, "", "Sam P.", "2025-07-01T10:00:00Z", "", None, False),
        ),
    ),
    "Trustpilot, products": Sample(
        "review_id,stars,product_name,product_sku,content,consumer_name,created_at",
        ("p1,5,Lamp,U25090,Great light,Pat Lowe,2025-01-01T10:00:00Z",),
        ("refused: product_id",),
    ),
    "WooCommerce": Sample(
        "comment_ID,comment_post_ID,comment_author,comment_author_email,comment_author_url,comment_author_IP,"
        "comment_date,comment_date_gmt,comment_content,comment_approved,comment_parent,user_id,rating,verified,title,"
        "product_SKU,product_title",
        (
            "5,100,Clara Nunez,c@x.example,,1.1.1.1,2025-03-02 11:12:00,2025-03-02 10:12:00,Good &amp; fresh,1,,,5,1,"
            ",R-1,Rye",
            "6,100,Bot,b@x.example,,1.1.1.1,2025-03-02 11:12:00,2025-03-02 10:12:00,Watches,spam,,,5,0,,R-1,Rye",
            "7,100,Diego,d@x.example,,1.1.1.1,2025-03-02 11:12:00,2025-03-02 10:12:00,Hm,0,,,2,0,,R-1,Rye",
        ),
        (
            ("100", 5, "Good & fresh", "Clara N.", "2025-03-02T10:12:00Z", "", None, False),
            "not shown",
            "not shown",
        ),
    ),
    "WooCommerce, API": Sample(
        "id,date_created,date_created_gmt,product_id,product_name,status,reviewer,reviewer_email,review,rating,verified",
        (
            "22,2025-03-02T11:12:00,2025-03-02T10:12:00,100,Rye,approved,Clara Nunez,c@x.example,<p>Nice!</p>,5,true",
            "23,2025-03-02T11:12:00,2025-03-02T10:12:00,100,Rye,hold,Clara Nunez,c@x.example,<p>Hm.</p>,2,true",
        ),
        (("100", 5, "Nice!", "Clara N.", "2025-03-02T10:12:00Z", "", None, False), "not shown"),
    ),
    "Shopify product reviews": Sample(
        "product_handle,state,rating,title,author,email,location,body,reply,created_at,replied_at,product_id",
        (
            "soap,published,4,Nice,Ines K.,i@x.example,,Foams well,Thanks,2023-06-01T10:00:00-04:00,"
            "2023-06-02T10:00:00-04:00,111",
            "soap,unpublished,1,Bad,Anon,a@x.example,,Never came,,2023-06-01T10:00:00-04:00,,111",
        ),
        (
            ("111", 4, "Nice\n\nFoams well", "Ines K.", "2023-06-01T14:00:00Z", "", "Thanks", False),
            "not shown",
        ),
    ),
    "Shopify product reviews, by handle": Sample(
        "product_handle,state,rating,title,author,email,location,body,reply,created_at,replied_at",
        ("soap,published,1,Bad,Ines K.,i@x.example,,Foams badly,,2023-06-01T10:00:00-04:00,",),
        ("refused: product_id",),
    ),
    "PowerReviews": Sample(
        "Review Id,Product Id,Rating,Review Title,Review Date,Review Text,Review Display Name,Review Status",
        ("1,100,5,Great,2025-03-02,Good bread,Clara,Approved", "2,100,1,Bad,2025-03-02,Hm,Clara,Pending"),
        (("100", 5, "Great\n\nGood bread", "Clara", "2025-03-02T11:00:00Z", "", None, False), "not shown"),
    ),
    "X-Cart": Sample(
        "product,review,response,rating,additionDate,responseDate,respondent,reviewerName,email,status",
        ("SKU-1,Good bread,Thanks,5,2025-03-02,2025-03-03,a@x.example,Clara Nunez,c@x.example,Approved",),
        (("SKU-1", 5, "Good bread", "Clara N.", "2025-03-02T11:00:00Z", "", "Thanks", False),),
    ),
    "this API": Sample(
        "id,order,product,review_rating,review_text,reviewer_name,reviewer_lastname,reviewer_email,date_time,"
        "order_date,review_status,answer_text,answer_date_time",
        (
            "1024,A-1,100,5,Good bread,Clara,Nunez,c@x.example,2025-03-02 11:12:00,2025-02-20,1,Thanks,"
            "2025-03-03 09:00:00",
            "2048,A-2,no,4,Good shop,Diego,Cruz,d@x.example,2025-03-02 11:12:00,,1,,",
            "3072,A-3,no,1,Advertising,Diego,Cruz,d@x.example,2025-03-02 11:12:00,2025-02-20,2,,",
            "4096,A-4,no,1,Just in,Diego,Cruz,d@x.example,2025-03-02 11:12:00,2025-02-20,0,,",
        ),
        (
            ("100", 5, "Good bread", "Clara N.", "2025-03-02T10:12:00Z", "2025-02-20", "Thanks", False),
            ("site", 4, "Good shop", "Diego C.", "2025-03-02T10:12:00Z", "", None, False),
            "not shown",
            "not shown",
        ),
    ),
}


def read(sample: Sample) -> tuple[object, ...]:
    first, *rows = read_rows(f"{line}\r\n" for line in (sample.headings, *sample.rows))
    assert first.cells
    head = read_head(first.cells)
    return tuple(of_sample(read_review(head, row.cells or [], SOURCE, NOW)) for row in rows)


def of_sample(found: object) -> object:
    if found is None:
        return "not shown"
    if not isinstance(found, Foreign):
        assert isinstance(found, list)
        return f"refused: {', '.join(error.field for error in found)}"
    about = (found.scope, found.rating, found.text, found.author, utc_text(found.written_at))
    return (*about, found.experience_date, found.reply, found.is_unsure)


@pytest.mark.parametrize("source", SAMPLES)
def test_an_export_that_people_have_is_read_as_it_is(source: str) -> None:
    assert read(SAMPLES[source]) == SAMPLES[source].read


@pytest.mark.parametrize(
    "headings",
    [
        ["productId", "dateCreated", "reviewRating", "reviewText"],
        ["Product ID", "Date Created", "Review Rating", "Review Text"],
        ["product-id", "date created", "REVIEW_RATING", "review.text"],
    ],
)
def test_one_heading_has_many_spellings(headings: list[str]) -> None:
    head = read_head(headings)
    assert head.indexes == {"product_id": 0, "date": 1, "rating": 2, "text": 3}
    assert head.columns["rating"] == (headings[2],)


def test_the_mapping_says_what_each_column_is_taken_for() -> None:
    head = read_head(["Score", "Review Content", "Date", "is_hidden", "curated", "Colour"])
    assert head.columns == {
        "rating": ("Score",),
        "text": ("Review Content",),
        "date": ("Date",),
        "state": ("is_hidden", "curated"),
    }
    assert head.ignored == ("Colour",)
