// Only the precompiled headers of the tests.
