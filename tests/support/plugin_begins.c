// A shared library whose constructor calls what loads it.

void plugin_begins(void);

__attribute__((constructor)) static void begin(void) { plugin_begins(); }
