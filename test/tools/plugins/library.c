// A library that knows nothing of plug-ins.
int absent_number(void) { return 1; }
