package dsk

/*
#include <dsk/dsk.h>

extern void dskGoLog(dsk_log_level level, char *module, char *message, void *user);

static void dsk_go_log(dsk_log_level level, const char *module, const char *message, void *user) {
  dskGoLog(level, (char *)module, (char *)message, user);
}
static void dsk_go_log_set(dsk_log_level level, bool on) { dsk_log_set(level, on ? dsk_go_log : NULL, NULL); }
*/
import "C"

import (
	"sync/atomic"
	"unsafe"
)

// LogLevel says how much is logged.
type LogLevel int32

// Levels of SetLog.
const (
	LogOff     LogLevel = 0
	LogError   LogLevel = 1
	LogWarning LogLevel = 2
	LogInfo    LogLevel = 3
	LogDebug   LogLevel = 4
)

var receiver atomic.Pointer[func(level LogLevel, module, message string)]

// SetLog sets the process-wide log receiver; the library is silent without one, and nil turns logging off. The receiver may be
// called from any thread, also at once, and must not call this package.
func SetLog(level LogLevel, receive func(level LogLevel, module, message string)) {
	if receive == nil {
		receiver.Store(nil)
		C.dsk_go_log_set(C.DSK_LOG_OFF, false)
		return
	}
	receiver.Store(&receive)
	C.dsk_go_log_set(C.dsk_log_level(level), true)
}

//export dskGoLog
func dskGoLog(level C.dsk_log_level, module, message *C.char, _ unsafe.Pointer) {
	if receive := receiver.Load(); receive != nil {
		(*receive)(LogLevel(level), C.GoString(module), C.GoString(message))
	}
}
