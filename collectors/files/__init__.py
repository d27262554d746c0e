"""Files that utilities send: load profiles (Lastgänge) as CSV, recognised by their header."""
