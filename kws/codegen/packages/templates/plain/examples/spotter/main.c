@% set program = "build/spotter" %@@% include "common/desktop_spotter.c" %@
