@% set program = "build/examples/spotter" %@@% include "common/desktop_spotter.c" %@
