"""The command line of the index, a module for each group of commands; only `index.__main__` imports them."""
