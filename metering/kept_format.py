"""What is kept on disk has a format with a number: an older one is carried forward, a newer one refused."""


class FormatTooNew(ValueError):
    """Something was written by a newer Leitwarte."""

    def __init__(self, what: object, found: int, known: int) -> None:
        super().__init__(
            f"{what} has format {found}, and this Leitwarte knows formats up to {known}: start the newer Leitwarte "
            "again, or restore the backup made before the upgrade"
        )


class KeptUnusable(OSError):
    """What is kept cannot be opened, or is not what it should be."""

    def __init__(self, what: object, error: Exception) -> None:
        super().__init__(f"{what} cannot be used: {getattr(error, 'orig', None) or error}")
