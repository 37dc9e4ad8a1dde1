"""Tests of the group coordinator and the assignors."""
