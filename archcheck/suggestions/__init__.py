"""Small edits of a network's source after which it holds to a spec, each proven by a trace."""
