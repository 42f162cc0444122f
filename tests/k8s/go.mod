module dsk/tests/k8s

go 1.24.0

require (
	k8s.io/api v0.33.3
	sigs.k8s.io/lws v0.7.0
	sigs.k8s.io/yaml v1.4.0
)
