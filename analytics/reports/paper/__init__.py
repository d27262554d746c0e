"""The report in words, tables and pictures, rounded and ready to be set; formats only lay it out."""
