// Needs libabsent.so.
int absent_number(void);

const void* gleam_plugin(void) { return absent_number() ? "never called" : 0; }
