"""Networks and their training: what more than one notebook or tool needs."""
