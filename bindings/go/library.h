// Where the native library came from.
#pragma once

// The file that the loaded library came from, or NULL.
const char* dsk_go_library_file(void);
// The files that were tried in vain and what the system's loader said; NULL when one was opened.
const char* dsk_go_library_tried(void);
