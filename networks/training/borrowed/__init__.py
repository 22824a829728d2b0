"""Networks whose weights are someone else's: where those come from, and what is trained on top of them."""
