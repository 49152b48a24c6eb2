"""What a request may hold: operations, parameters, how a body is read, and the contract made from them.

Endpoints import all of it; `operation` alone may be imported before the workers fork.
"""
