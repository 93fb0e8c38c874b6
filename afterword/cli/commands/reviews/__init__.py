"""The commands about reviews, as `actions/reviews` has them."""
