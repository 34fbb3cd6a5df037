"""What the user's code read while it ran: seen in its process, compared anywhere."""
