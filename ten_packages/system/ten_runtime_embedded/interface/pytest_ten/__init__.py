"""Write a test of a TEN extension as one coroutine."""

from pytest_ten.context import TenTestContext
from pytest_ten.decorator import ten_test

__all__ = ["TenTestContext", "ten_test"]
