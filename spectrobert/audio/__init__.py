"""From a file to log-mel patches."""
