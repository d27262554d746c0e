"""How long tests wait for what must come. It costs nothing when it comes, and machines may be busy."""

PATIENCE_S = 60.0
