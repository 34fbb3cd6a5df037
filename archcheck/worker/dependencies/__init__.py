"""What the user's code read while it ran: recorded in its process, compared in any."""
