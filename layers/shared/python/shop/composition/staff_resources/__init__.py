"""The resources that staff replace by PUT and change by PATCH, one module per resource.

Both Lambdas of a resource import its module, so both read and write it in the same way. A module
has the stores, the functions ``read`` and ``replace``, and the declaration of the resource.
"""
