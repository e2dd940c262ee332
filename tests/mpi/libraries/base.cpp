// A library that another library needs; it comes in two versions.
int base_version();
int base_version() { return RONDO_TEST_BASE; }
