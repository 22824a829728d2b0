"""The interactive explorer of ``lacuna ui``: what it can show, and the web page that shows it."""
