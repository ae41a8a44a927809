"""The guards: each reads a checkout (or a running application) and returns what breaks its rule.

They take the root of the checkout as an argument, so that their tests can plant a violation.
"""
