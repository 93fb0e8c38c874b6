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


@pytest.fixture
def reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine may be reached, and nobody waits long."""
    monkeypatch.setattr("tests.dispatch.running.MORE", {"AFTERWORD_WEBHOOK_ALLOW": "127.0.0.0/8, ::1"})
    monkeypatch.setattr("afterword.dispatch.notices.TICK", 0.02)
    monkeypatch.setattr("afterword.dispatch.receivers.FIRST_PAUSE", 0.05)
