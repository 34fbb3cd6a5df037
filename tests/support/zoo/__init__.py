"""Known networks, written for the tests: their sizes and fields are published or easy to prove."""
