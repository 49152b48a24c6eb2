"""What a request may hold: its parameters, how its body is read, and the contract made from both."""
