"""The command line: words to calls, reports to bytes."""
