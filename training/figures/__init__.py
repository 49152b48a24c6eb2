"""Pictures to judge an encoder by."""
