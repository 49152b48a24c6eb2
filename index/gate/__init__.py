"""What a new index must pass before it is published."""
