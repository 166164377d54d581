"""What can be made to go wrong: rules armed by tests, taken by endpoint and count. Decides nothing by itself."""
