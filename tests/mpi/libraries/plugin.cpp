// What a program loads by itself.
extern "C" int plugin_version();
extern "C" int plugin_version() { return RONDO_TEST_PLUGIN; }
