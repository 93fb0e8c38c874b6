"""What is done with reviews: by their authors, by the shop, by the clock."""
