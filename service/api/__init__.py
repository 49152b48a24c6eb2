"""The endpoints: what each resource answers."""
