@% include "common/desktop_selftest.c" %@
