"""Published models, traced, beside their own numbers, torch's counter and gradients."""
