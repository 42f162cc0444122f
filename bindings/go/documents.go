package dsk

// #include <dsk/dsk.h>
import "C"

import (
	"context"
	"encoding/json"
)

// MemoryOf counts every byte of one deployment: the fullest device term by term, the KV pool, sequences at a stated length,
// headroom and what binds. A model that does not fit is no error: see [MemoryAnswer].Fits.
func MemoryOf(request MemoryRequest) (*MemoryAnswer, error) {
	document, err := marshal(request)
	if err != nil {
		return nil, err
	}
	out, err := MemoryJSON(document)
	return decode[MemoryAnswer](out, err)
}

// MemoryJSON is MemoryOf, document in, document out.
func MemoryJSON(request []byte) ([]byte, error) {
	data, length := bytesIn(request)
	return answerOf(func(out **C.char, n *C.size_t, err **C.dsk_error) C.dsk_status {
		return C.dsk_plan_memory(data, length, out, n, err)
	})
}

// CostOf is money: ownership term by term, US dollars for each million tokens, rented against owned with the break-even, and
// the cheapest split of a load curve.
func CostOf(request CostRequest) (*CostAnswer, error) {
	document, err := marshal(request)
	if err != nil {
		return nil, err
	}
	out, err := CostJSON(document)
	return decode[CostAnswer](out, err)
}

// CostJSON is CostOf, document in, document out.
func CostJSON(request []byte) ([]byte, error) {
	data, length := bytesIn(request)
	return answerOf(func(out **C.char, n *C.size_t, err **C.dsk_error) C.dsk_status {
		return C.dsk_plan_cost(data, length, out, n, err)
	})
}

// CalibrateRequest is the request of Calibrate.
type CalibrateRequest struct {
	Device       string            `json:"device"`
	AsOf         string            `json:"as_of"`        // a date, such as "2026-11-24"
	Measurements []json.RawMessage `json:"measurements"` // lines of a probe
	Name         string            `json:"name,omitempty"`
	Check        []json.RawMessage `json:"check,omitempty"` // measurements that are predicted, not fitted
}

// Calibrate makes a calibration from measurements of a device. The document itself, not the struct, goes into a request's
// Catalog: see CalibrateJSON.
func Calibrate(request CalibrateRequest) (*Calibration, error) {
	document, err := marshal(request)
	if err != nil {
		return nil, err
	}
	out, err := CalibrateJSON(document)
	return decode[Calibration](out, err)
}

// CalibrateJSON is Calibrate, document in, document out (docs/schema/calibration.schema.json).
func CalibrateJSON(request []byte) ([]byte, error) {
	data, length := bytesIn(request)
	return answerOf(func(out **C.char, n *C.size_t, err **C.dsk_error) C.dsk_status {
		return C.dsk_plan_calibrate(data, length, out, n, err)
	})
}

// Validation compares predictions with measurements.
type Validation struct {
	Report      json.RawMessage // the scores
	Predictions string          // CSV, one line for each row of the table
}

// ValidateKernels predicts every kernel of a table of measurements. Request: {"device", "hold_out": "none" | "shape" | "gpu" |
// "frontier", "catalog"}.
func ValidateKernels(request, csv []byte) (*Validation, error) {
	return validation(func(report, predictions **C.char, err **C.dsk_error) C.dsk_status {
		data, length := bytesIn(request)
		table, size := bytesIn(csv)
		return C.dsk_plan_validate_kernels(data, length, table, size, report, predictions, err)
	})
}

// ValidateE2E predicts every row of a table of published end-to-end measurements. Request: {"jobs": N, "catalog": [...]}.
func ValidateE2E(ctx context.Context, request, csv []byte) (*Validation, error) {
	var out *Validation
	err := cancellable(ctx, func(token *C.dsk_cancel) (err error) {
		out, err = validation(func(report, predictions **C.char, err **C.dsk_error) C.dsk_status {
			data, length := bytesIn(request)
			table, size := bytesIn(csv)
			return C.dsk_plan_validate_e2e(data, length, table, size, token, report, predictions, err)
		})
		return err
	})
	return out, err
}

func validation(call func(report, predictions **C.char, err **C.dsk_error) C.dsk_status) (*Validation, error) {
	if err := check(); err != nil {
		return nil, err
	}
	var report, predictions *C.char
	var cerr *C.dsk_error
	if status := call(&report, &predictions, &cerr); status != C.DSK_STATUS_OK {
		return nil, failure(status, cerr)
	}
	defer free(report)
	defer free(predictions)
	return &Validation{Report: json.RawMessage(C.GoString(report)), Predictions: C.GoString(predictions)}, nil
}

// CatalogKind is a kind of catalogue records.
type CatalogKind int32

// Kinds of records.
const (
	CatalogModel   CatalogKind = 0
	CatalogDevice  CatalogKind = 1
	CatalogEngine  CatalogKind = 2
	CatalogPrice   CatalogKind = 3
	CatalogLink    CatalogKind = 4
	CatalogDataset CatalogKind = 5
)

// CatalogNames are the names of the built-in records of one kind.
func CatalogNames(kind CatalogKind) ([]string, error) {
	out, err := answerOf(func(text **C.char, n *C.size_t, err **C.dsk_error) C.dsk_status {
		return C.dsk_catalog_to_json(C.dsk_catalog_kind(kind), text, n, err)
	})
	names, err := decode[[]string](out, err)
	if err != nil {
		return nil, err
	}
	return *names, nil
}

// CatalogRecord is one built-in record with its source and date. The name matches whatever its case and separators.
func CatalogRecord(kind CatalogKind, name string) (json.RawMessage, error) {
	data, length := textIn(name)
	return answerOf(func(text **C.char, n *C.size_t, err **C.dsk_error) C.dsk_status {
		return C.dsk_catalog_get(C.dsk_catalog_kind(kind), data, length, text, n, err)
	})
}
