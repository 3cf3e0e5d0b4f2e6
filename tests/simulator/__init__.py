"""A simulator of microcontrollers around Unicorn; README.md says what it models."""
