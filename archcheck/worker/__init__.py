"""The process that runs the user's code, and how the command line talks to it."""
