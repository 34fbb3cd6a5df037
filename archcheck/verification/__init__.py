"""From a submission to its report."""
