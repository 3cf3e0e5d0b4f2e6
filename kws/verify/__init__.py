"""The same input to several engines, and the first difference between them."""
