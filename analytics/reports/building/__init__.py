"""The energy report of a building, month by month: one row a carrier, as energy management asks for (Kom.EMS)."""
