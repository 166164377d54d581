"""Measurements (`make bench`) and fault campaigns (`make prove`)."""
