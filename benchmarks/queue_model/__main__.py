"""The command line of the model."""

from typing import Any

import click
import msgspec

from afterword.cli.options import checked
from afterword.domain.shops import parse_delay
from benchmarks.queue_model import DAY, Found, Outage, Plan, arriving, bucket_for, grouped, simulate

_POSITIVE = click.FloatRange(0, min_open=True)


def as_text(found: Found) -> str:
    rows = {
        "arrived": f"{found.arrived:,}",
        "sent": f"{found.sent:,}",
        "waiting at the end": f"{found.due + found.scheduled:,}, {found.due:,} of them due",
        "most that were due": f"{found.most_due:,}",
        "latest e-mail": f"{found.latest:,} s late",
        "99 of 100 e-mails": f"{found.late_p99:,} s late at most",
        "latest of the smaller half of the shops": f"{found.latest_of_small_shops:,} s late",
        "latest of the largest shop": f"{found.latest_of_largest_shop:,} s late",
    }
    for each in found.drained:
        took = "not sent at the end" if each.seconds is None else f"sent within {each.seconds:,} s"
        name = f"outage of {each.outage.lasts:,} s on day {each.outage.begins / DAY:g}"
        rows[name] = f"{each.due:,} due, {took}"
    lines = [f"{name:<41} {value}" for name, value in rows.items()]
    return "\n".join([f"{found.groups} groups of shops, buckets of {found.plan.bucket} s", *lines])


def read_outage(text: str) -> Outage:
    """Raises ValueError with a sentence."""
    lasts, at, begins = text.partition("@")
    if not at:
        raise ValueError(f"{text!r} is not an outage: write 6h@12d for six hours after twelve days")
    return Outage(parse_delay(begins), parse_delay(lasts))


def _read_outages(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> list[Outage]:
    return [checked(read_outage)(ctx, param, value) for value in values]


@click.command(help="How many invitations wait, and how late e-mails are sent: a model. See docs/scale.md.")
@click.option("--shops", type=click.IntRange(1), default=1, show_default=True)
@click.option("--orders-a-day", type=_POSITIVE, default=2_000, show_default=True, help="Of all shops.")
@click.option("--delay", callback=checked(parse_delay), default="10d", show_default=True)
@click.option("--messages-a-second", type=_POSITIVE, default=50, show_default=True, help="Of the transport.")
@click.option("--outage", "outages", callback=_read_outages, multiple=True, help="6h@12d: after twelve days.")
@click.option("--days", type=click.IntRange(1), default=30, show_default=True)
@click.option("--bucket", callback=checked(parse_delay), help="1s, unless there is too much to do.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def main(bucket: int | None, as_json: bool, **asked: Any) -> None:
    plan = Plan(**asked)
    plan = msgspec.structs.replace(plan, bucket=bucket or bucket_for(plan))
    if plan.delay % plan.bucket or 3_600 % plan.bucket:
        raise click.UsageError("--bucket must divide the delay and an hour")
    groups = grouped(plan)
    found = simulate(plan, groups, arriving(plan, groups))
    print(msgspec.json.encode(found).decode() if as_json else as_text(found))


if __name__ == "__main__":
    main()
