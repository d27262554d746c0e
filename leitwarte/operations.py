"""What the web app shows to the operator: what was set aside, and what the settings do."""

from collections import deque
from collections.abc import Sequence

from dashboards.web.operations import Checked, SetAside
from gateway.quarantine import Kept, kept_cases
from leitwarte.commands.check import deeds, remarks
from leitwarte.settings import Settings
from metering.texts import Language, Texts

_LONGEST_PAYLOAD = 2_000  # characters


class SettingsOperations:
    """Of an installation with these settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def set_aside(self, limit: int) -> Sequence[SetAside] | None:
        """The newest cases, newest first; None if there is no such folder here."""
        folder = self._settings.gateway_in_data_dir.data_dir / "quarantine"
        if not folder.is_dir():
            return None
        return [_set_aside(kept) for kept in reversed(deque(kept_cases(folder), limit))]

    def settings(self, language: Language) -> Checked:
        """The settings that run."""
        say = Texts("leitwarte", language)
        return Checked([what for _, what in deeds(self._settings, say)], list(remarks(self._settings, say)))


def _set_aside(kept: Kept) -> SetAside:
    case = kept.case
    if case.letter is not None:
        payload = case.letter.readable(_LONGEST_PAYLOAD)
        return SetAside(kept.id, case.at_us, case.letter.source, case.letter.topic, case.reason, payload)
    reading = case.reading
    if reading is None:
        return SetAside(kept.id, case.at_us, "", "", case.reason, "")
    reason = f"{case.reason}: {case.detail}" if case.detail else case.reason
    return SetAside(kept.id, case.at_us, reading.device, reading.quantity, reason, f"{reading.value!r}")
