"""The media corpus: what customers send, good and bad, made when needed. Tests and `make prove NAME=media` share it."""
