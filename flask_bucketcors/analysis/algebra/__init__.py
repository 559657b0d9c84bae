"""What patterns with one ``*`` cover, together and apart, without asking text by text."""
