import pytest

from afterword.dispatch.lane import Lane


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dispatcher that rests and keeps house without the usual seconds between."""
    rest = Lane._rest

    async def rest_shortly(lane: Lane, seconds: float) -> None:
        await rest(lane, seconds / 20)

    monkeypatch.setattr(Lane, "_rest", rest_shortly)
    monkeypatch.setattr("afterword.dispatch.dispatcher.ROUND", 0.05)
