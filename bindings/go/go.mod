module dsk/bindings/go

go 1.24
