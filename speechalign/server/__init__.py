"""The page that shows a corpus, and the server behind it."""
