// A library of the user's, as the program was linked with; it comes in several versions.
int base_version();
int model_version();
int model_version() { return 10 * RONDO_TEST_MODEL + base_version(); }
