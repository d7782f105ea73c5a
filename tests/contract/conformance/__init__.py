"""What the official docs say, row by row: request and response, stream and frame, for any venue that claims to speak them.

Owns: the rows, the docs' examples that they are held against, and the harness that plays them. Must not know: our
client, the paper exchange's insides. It speaks plain HTTP and websockets and signs with its own few lines, so that it
is a witness of its own. `python -m conformance` prints the table.
"""
