import pytest

from afterword.dispatch.worker import Worker


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dispatcher that rests and keeps house without the usual seconds between."""
    rest = Worker._rest

    async def rest_shortly(worker: Worker, seconds: float) -> None:
        await rest(worker, seconds / 20)

    monkeypatch.setattr(Worker, "_rest", rest_shortly)
    monkeypatch.setattr("afterword.dispatch.dispatcher.ROUND", 0.05)


@pytest.fixture
def reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine may be reached, and no receiver waits long."""
    monkeypatch.setattr("tests.dispatch.running.MORE", {"AFTERWORD_WEBHOOK_ALLOW": "127.0.0.0/8, ::1"})
    monkeypatch.setattr("afterword.dispatch.fairness.TICK", 0.02)
    monkeypatch.setattr("afterword.dispatch.watch.EVERY", 0.02)
    monkeypatch.setattr("afterword.dispatch.fairness.FIRST_RECEIVER_PAUSE", 0.05)
